"""Writes a docker-archive that RouterOS loads with /container/add file=…: one uncompressed layer, no Docker needed.

Usage: mkimage.py BINARY IMAGE.tar
"""

import hashlib
import io
import json
import pathlib
import sys
import tarfile

ARCHITECTURES = {0x3E: "amd64", 0xB7: "arm64", 0x28: "arm"}


def add(tar, name, data, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = mode
    tar.addfile(info, io.BytesIO(data))


def folder(tar, name, mode=0o755):
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    info.mode = mode
    tar.addfile(info)


def main(binary_path, image_path):
    binary = pathlib.Path(binary_path).read_bytes()
    architecture = ARCHITECTURES[int.from_bytes(binary[18:20], "little")]
    layer_file = io.BytesIO()
    with tarfile.open(fileobj=layer_file, mode="w", format=tarfile.USTAR_FORMAT) as layer:
        for name in ("etc", "data", "tmp"):
            folder(layer, name)
        add(layer, "etc/resolv.conf", b"")
        add(layer, "hiji-agent", binary, 0o755)
    layer = layer_file.getvalue()
    layer_id = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Entrypoint": ["/hiji-agent"],
            "Cmd": ["run"],
            "Env": ["HIJI_DATA_DIR=/data"],
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + layer_id]},
        "history": [{"created_by": "hiji"}],
    }
    config_data = json.dumps(config).encode()
    config_name = hashlib.sha256(config_data).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": ["hiji-agent:latest"], "Layers": [layer_id + "/layer.tar"]}]
    pathlib.Path(image_path).parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(image_path, mode="w", format=tarfile.USTAR_FORMAT) as image:
        add(image, config_name, config_data)
        folder(image, layer_id)
        add(image, layer_id + "/VERSION", b"1.0")
        add(image, layer_id + "/layer.tar", layer)
        add(image, "manifest.json", json.dumps(manifest).encode())
    print(f"{image_path}: {pathlib.Path(image_path).stat().st_size} bytes, {architecture}")


main(*sys.argv[1:3])
