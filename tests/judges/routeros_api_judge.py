"""Judges the router simulator with RouterOS-api, which tags its commands and knows both logins.

usage: routeros_api_judge.py PORT ERA VERSION ROWS     ERA is plain or token; ROWS hotspot users named bulk… exist
Ends with 0 when all is right; an assertion tells what is not.
"""

import sys
import time

import routeros_api
from routeros_api.exceptions import RouterOsApiCommunicationError


def trapped(call):
    """The message of the trap the call must end in."""
    try:
        call()
    except RouterOsApiCommunicationError as error:
        message = error.original_message
        return message.decode() if isinstance(message, bytes) else message
    raise AssertionError("no trap came")


def pool(port, password, era):
    made = routeros_api.RouterOsApiPool(
        "127.0.0.1", username="admin", password=password, port=port, plaintext_login=era == "plain"
    )
    made.socket_timeout = 60.0
    return made


def main():
    port, era, version, rows = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    wrong = trapped(pool(port, "wrong", era).get_api)
    assert wrong == ("cannot log in" if era == "token" else "invalid user name or password (6)"), wrong

    connection = pool(port, "secret", era)
    api = connection.get_api()
    assert api.get_resource("/system/identity").get()[0]["name"] == "Kebon"
    shown = api.get_resource("/system/resource").get()[0]["version"]
    assert shown.startswith(version), shown

    secrets = api.get_resource("/ppp/secret")
    added = secrets.add(name="budi", password="rahasia", service="pppoe", comment="Rumah Pak Budi").done_message["ret"]
    assert added.startswith("*"), added
    assert trapped(lambda: secrets.add(name="budi", service="pppoe")).startswith("failure:")
    assert trapped(lambda: secrets.add(name="x", profile="none")) == "input does not match any value of profile"
    row = secrets.get(name="budi")[0]
    assert (row["id"], row["profile"], row["disabled"], row["caller-id"]) == (added, "default", "false", ""), row
    secrets.set(id=added, disabled="yes", profile="default-encryption")
    row = secrets.get(id=added)[0]
    assert (row["disabled"], row["profile"]) == ("true", "default-encryption"), row
    secrets.remove(id=added)
    assert list(secrets.get(name="budi")) == []
    assert trapped(lambda: secrets.remove(id=added)).startswith("no such item")
    protected = trapped(lambda: api.get_resource("/ppp/profile").remove(id="*0"))
    assert protected.startswith("failure:"), protected

    nat = api.get_resource("/ip/firewall/nat")
    led = {"chain": "dstnat", "action": "dst-nat", "protocol": "tcp", "dst-port": "80", "comment": "judged"}
    added = nat.add(**led, **{"to-addresses": "10.0.0.9", "to-ports": "8081"}).done_message["ret"]
    row = nat.get(comment="judged")[0]
    assert (row["to-addresses"], row["disabled"], row["dynamic"]) == ("10.0.0.9", "false", "false"), row
    assert {**row, **led} == row, row
    nat.remove(id=added)
    assert list(nat.get(comment="judged")) == []

    users = api.get_resource("/ip/hotspot/user")
    begin = time.monotonic()
    names = {row["name"] for row in users.call("print", {".proplist": "name,profile"})}
    took = time.monotonic() - begin
    assert len(names) == rows + 1, len(names)
    assert took < 60, took
    counted = users.call("print", {"count-only": ""}).done_message["ret"]
    assert int(counted) == rows + 1, counted
    connection.disconnect()
    print(f"RouterOS-api: {era} login on {version}, {rows} rows in {took:.2f} s")


if __name__ == "__main__":
    main()
