"""`relay365 device list | show | sessions`: what the configuration says and what was heard, together."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.clock import SystemClock
from relay365.engine.blackbox.archive import Archive, key_of

UPS = '[[device]]\nname = "ups"\nkind = "APC"\nplace = "cellar"\nmatch = { address = ["192.168.10.90"] }\n'


def client(device: str, address: str, rule: str, **changes: Any) -> dict[str, Any]:
    """What the black box writes of a client, with one session."""
    now = SystemClock().now()
    session = {
        "session": f"s-{address}", "began_at": now - 60, "ended": True, "peer": f"{address}:4711", "listener": "lan",
        "tls": "", "login": "", "messages": 1, "ids": [], "refused": 0, "tolerated": {"no_brackets": 2},
        "reading": "gave 1 message", "lines": [[0, "relay", "220 x"], [7, "client", "QUIT"], [9, "note", "\x1b"]],
    }  # fmt: skip
    return {
        "client": key_of(device, address), "device": device, "address": address, "listener": "lan", "helo": "BRN3C",
        "login": "", "tls": "TLSv1.2 X", "rule": rule, "rule_name": "a rule", "sender": "scan@a.test",
        "first_heard_at": now - 90, "last_heard_at": now - 60, "sessions_heard": 1, "messages": 5,
        "messages_today": 3, "day": int(now // 86_400), "refused": 0, "tolerated": {"odd_helo": 1, "no_brackets": 2},
        "learning": None, "reading": "gave 1 message", "sessions": [session], **changes,
    }  # fmt: skip


@pytest.fixture
def house(desk: Any) -> Any:
    """A device that was heard, one in the same network that was, and one that nobody knows."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + UPS, "utf-8")
    archive = Archive(desk.directory / "data")
    for one in (
        client("ups", "192.168.10.90", "R1"),
        client("", "127.0.0.1", "R2"),
        client("", "192.0.2.7", ""),
    ):
        archive.write(one["client"], one)
    return desk


def test_the_list_has_the_configured_and_the_heard(house: Any) -> None:
    """The devices of the file first; whoever no rule knows is marked, with a rule to paste."""
    rows = house.objects("device", "list")

    assert ("ups", True, "APC", "cellar", 3) == tuple(
        rows[0][key] for key in ("name", "known", "kind", "place", "messages_today")
    )
    assert {
        ("127.0.0.1", True, None),
        ("192.0.2.7", False, '[[device]]\nname = "brn3c"\nmatch = { address = "192.0.2.7" }'),
    } == {(row["address"], row["known"], row["rule_to_paste"]) for row in rows[1:]}
    assert ["192.0.2.7"] == [row["address"] for row in house.objects("device", "list", "--unknown")]


def test_the_table_says_what_each_needs(house: Any) -> None:
    """In a line for each, and below it what would let the unknown in."""
    lines = house.run("device", "list").stdout.splitlines()

    assert ["NAME", "ADDRESS", "HEARD", "TODAY", "TLS", "NEEDS", "LAST", "SESSION"] == lines[0].split()
    assert "ups   192.168.10.90  1 m ago  3      TLSv1.2  no_brackets, odd_helo  gave 1 message" == lines[1]
    assert "192.0.2.7 is unknown. To let it in, paste into relay365.toml:" in lines
    assert 'name = "brn3c"' in lines


def test_messages_of_yesterday_are_not_todays(house: Any) -> None:
    """Although nothing has been written since."""
    Archive(house.directory / "data").write("device-ups", client("ups", "192.168.10.90", "R1", day=1))

    assert (0, 5) == tuple(house.objects("device", "list")[0][key] for key in ("messages_today", "messages"))


def test_a_device_that_was_never_heard_is_listed(desk: Any) -> None:
    """It may be the one that somebody looks for."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + UPS, "utf-8")

    assert ["ups   -        never  0      -    -      -"] == desk.run("device", "list").stdout.splitlines()[
        1:
    ]
    assert "  heard        never" in desk.run("device", "show", "ups").stdout.splitlines()


def test_one_device_is_shown_by_name_and_by_address(house: Any) -> None:
    """Who it is, by which rule, and what it needs, the most frequent first."""
    by_name, by_address = (house.run("device", "show", name).stdout for name in ("ups", "192.168.10.90"))
    lines = by_name.splitlines()

    assert by_name == by_address
    assert "ups - APC - cellar" == lines[0]
    assert "  rule         R1: a rule" in lines
    assert "  messages     3 today, 5 in all, refusals 0, sessions 1" in lines
    assert "  needs        no_brackets 2, odd_helo 1" in lines
    assert 1 == house.run("device", "show", "nobody").exit_code


def test_a_device_that_divides_its_mail_is_warned_of(house: Any) -> None:
    """Once, with the piece that recipients saw last and the limit that holds for it; others are not."""
    Archive(house.directory / "data").write(
        "device-ups", client("ups", "192.168.10.90", "R1", pieces=7, piece="2/5", names=["brn3c"])
    )
    said = house.run("device", "show", "ups").stdout

    assert 1 == said.count(
        "warning      division is on; recipients see [2/5]; set the limit to 150 MB instead"
    )
    assert {"piece": "2/5", "messages": 7} == house.objects("device", "show", "ups")[0]["divided"]
    assert "warning" not in house.run("device", "show", "192.0.2.7").stdout


def test_a_gateway_is_told_under_the_list(desk: Any) -> None:
    """In three lines, and of every row of --json; not where somebody came from elsewhere."""
    archive = Archive(desk.directory / "data")
    for name in ("copier", "nas", "ups"):
        archive.write(f"device-{name}", client(name, "172.17.0.1", "R1", names=[name]))
    said = desk.run("device", "list").stdout
    assert (
        "\nwhat: everybody who was heard came from one address, 172.17.0.1\nwhy:  3 names (copier, nas, ups)"
        in said
    )
    rows = desk.objects("device", "list")
    (shown,) = desk.objects("device", "show", "nas")
    assert ["172.17.0.1"] * 3 == [row["gateway"]["address"] for row in rows]
    assert rows[1]["gateway"] == shown["gateway"]
    assert {"address", "names", "what", "why", "do"} == set(shown["gateway"])
    assert (
        "  warning      everybody who was heard came from one address"
        in desk.run("device", "show", "nas").stdout
    )
    archive.write("address-192.0.2.7", client("", "192.0.2.7", "", names=["x"]))

    assert "one address" not in desk.run("device", "list").stdout
    assert [None] * 4 == [row["gateway"] for row in desk.objects("device", "list")]


def test_sessions_are_transcripts_with_a_reading(house: Any) -> None:
    """Each line with its time and who said it; nothing in it moves a terminal."""
    lines = house.run("device", "sessions", "ups").stdout.splitlines()

    assert lines[0].endswith("Z  192.168.10.90:4711, no TLS, no login")
    assert [
        "        0 ms <- 220 x",
        "        7 ms -> QUIT",
        "        9 ms -- ?",
        "  needed: no_brackets 2",
        "  reading: gave 1 message",
    ] == lines[1:]
    assert 1 == house.run("device", "sessions", "nobody").exit_code


def test_sessions_as_objects(house: Any) -> None:
    """Lines as objects, instants as text."""
    (found,) = house.objects("device", "sessions", "ups", "--last", "1")

    assert {"ms": 7, "who": "client", "text": "QUIT"} == found["lines"][1]
    assert found["began_at"].endswith("Z")


def test_a_session_says_what_became_of_its_messages(full_desk: Any) -> None:
    """The other leg, as the queue knows it."""
    one = client("", "192.168.10.31", "R2")
    one["sessions"][0]["ids"] = [str(full_desk.ids["failed"]), "gone"]
    Archive(full_desk.directory / "data").write(one["client"], one)
    (found,) = full_desk.objects("device", "sessions", "192.168.10.31")

    assert [f"{full_desk.ids['failed']} to <failed@fabrikam.com>: failed 550 5.1.1 no"] == found["fates"]
