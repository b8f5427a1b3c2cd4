"""Judges the router simulator with librouteros: what a client of another author reads must be what RouterOS would say.

usage: librouteros_judge.py PORT ERA VERSION ROWS     ERA is plain or token; ROWS hotspot users named bulk… exist
Ends with 0 when all is right; an assertion tells what is not.
"""

import sys
import time

from librouteros import connect
from librouteros.exceptions import TrapError
from librouteros.login import plain, token
from librouteros.query import And, Key, Or


def trapped(call):
    """The message of the trap the call must end in."""
    try:
        result = call()
        if result is not None and not isinstance(result, str):
            tuple(result)
    except TrapError as error:
        return error.message
    raise AssertionError("no trap came")


def main():
    port, era, version, rows = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    method = {"plain": plain, "token": token}[era]
    options = {"host": "127.0.0.1", "port": port, "login_method": method, "encoding": "utf-8"}

    wrong = trapped(lambda: connect(username="admin", password="wrong", **options))
    assert wrong == ("cannot log in" if era == "token" else "invalid user name or password (6)"), wrong

    api = connect(username="admin", password="secret", **options)
    assert [row["name"] for row in api.path("system", "identity")] == ["Kebon"]
    shown = next(iter(api.path("system", "resource")))["version"]
    assert shown.startswith(version), shown

    users = api.path("ip", "hotspot", "user")
    added = users.add(name="siti", password="p|w", comment="VOUCHER_SYSTEM|3000||", **{"limit-uptime": "90m"})
    assert added.startswith("*"), added
    assert trapped(lambda: users.add(name="siti")) == "failure: already have user with this name for this server"
    assert trapped(lambda: users.add(name="x", profile="none")) == "input does not match any value of profile"
    assert trapped(lambda: users.add(name="x", colour="red")).startswith("unknown parameter")
    assert trapped(lambda: users.remove("*FFFFFF")).startswith("no such item")
    assert trapped(lambda: tuple(api("/no/such/print"))) == "no such command prefix"

    name, profile = Key("name"), Key("profile")
    row = next(iter(users.select(Key(".id"), name, Key("limit-uptime"), Key("comment"), profile).where(name == "siti")))
    expected = {".id": added, "name": "siti", "limit-uptime": "1h30m", "comment": "VOUCHER_SYSTEM|3000||"}
    assert row == {**expected, "profile": "default"}, row

    # An empty answer is an empty list, with `!empty` as without.
    assert list(users.select(name).where(name == "nobody")) == []
    either = users.select(name).where(Or(name == "siti", name == "default-trial"))
    assert sorted(row["name"] for row in either) == ["default-trial", "siti"]
    both = users.select(name).where(And(name == "siti", profile == "default"))
    assert [row["name"] for row in both] == ["siti"]
    assert len(list(users.select(name).where(name.In("siti", "default-trial", "nobody")))) == 2

    users.update(**{".id": added, "comment": "", "disabled": True})
    row = next(iter(users.select().where(Key(".id") == added)))
    assert row["disabled"] is True and "comment" not in row, row
    users.remove(added)
    assert list(users.select(name).where(name == "siti")) == []

    # Rules have an order, and are put before others.
    rules = api.path("ip", "firewall", "filter")
    chain, comment = Key("chain"), Key("comment")
    last = rules.add(chain="judged", action="drop", comment="last")
    rules.add(**{"chain": "judged", "action": "jump", "jump-target": "x", "comment": "first", "place-before": last})
    own = rules.select(chain, comment).where(chain == "judged")
    assert [row["comment"] for row in own] == ["first", "last"]
    first = next(iter(rules.select(Key(".id")).where(comment == "first")))[".id"]
    tuple(api("/ip/firewall/filter/move", **{"numbers": last, "destination": first}))
    assert [row["comment"] for row in own] == ["last", "first"]
    rules.remove(first, last)
    assert list(own) == []
    pools = api.path("ip", "pool")
    if version.startswith("6."):
        assert trapped(lambda: pools.add(name="judged", ranges="10.9.9.2-10.9.9.9", comment="x")).startswith("unknown")
    else:
        pools.remove(pools.add(name="judged", ranges="10.9.9.2-10.9.9.9", comment="x"))

    begin = time.monotonic()
    names = {row["name"] for row in users.select(Key(".id"), name, profile)}
    took = time.monotonic() - begin
    assert len(names) == rows + 1, len(names)
    assert took < 30, took

    counted = tuple(api("/ip/hotspot/user/print", **{"count-only": ""}))
    assert counted == ({"ret": rows + 1},), counted
    api.close()
    print(f"librouteros: {era} login on {version}, {rows} rows in {took:.2f} s")


if __name__ == "__main__":
    main()
