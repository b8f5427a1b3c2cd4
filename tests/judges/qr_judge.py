"""Reads the QR code of each picture with a decoder of other authors; one line a picture: what it says."""

import sys

import zxingcpp
from PIL import Image

for path in sys.argv[1:]:
    picture = Image.open(path).convert("L")
    found = zxingcpp.read_barcodes(picture)
    print(found[0].text if len(found) == 1 else f"{len(found)} codes")
