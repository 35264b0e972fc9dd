"""Verdicts from the configuration alone; the words are in tests/golden/cli, here is what they depend on."""

from __future__ import annotations

from typing import Any

import pytest

FILE = """\
[server]
name = "relay.contoso.com"
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[listener]]
address = "127.0.0.1:2587"
tls = "required"
require_auth = true
[[allow]]
network = "192.168.10.0/24"
[sender]
domains = ["contoso.com"]
foreign = "rewrite"
rewrite_to = "scan@contoso.com"
null = "rewrite"
[[route]]
kind = "smarthost"
host = "127.0.0.1:2626"
tls = "none"
"""


@pytest.fixture
def office(desk: Any) -> Any:
    """A desk with two listeners."""
    (desk.directory / "relay365.toml").write_text(FILE, "utf-8")
    return desk


def _ask(office: Any, *more: str) -> dict[str, Any]:
    (found,) = office.objects("explain", "--as", "192.168.10.31", *more)
    assert isinstance(found, dict)
    return found


def test_the_listener_decides_with_the_rule(office: Any) -> None:
    """Where a login is asked of everybody the same client is refused without one, and taken with one; TLS is given."""
    first = _ask(office, "--from", "a@contoso.com")
    second = _ask(office, "--from", "a@contoso.com", "--listener", "127.0.0.1:2587")
    third = _ask(office, "--from", "a@contoso.com", "--listener", "127.0.0.1:2587", "--login", "canon")

    assert [True, False, True] == [one["taken"] for one in (first, second, third)]
    assert "530 5.7.0 Authentication required (R2)" == second["said"][-1]["reply"]
    assert ["R2", "R2", "R1"] == [one["mark"] for one in (first, second, third)]
    assert "relay365 user add" in second["do"][0]


def test_what_would_be_changed_is_said(office: Any) -> None:
    """A foreign From and an empty sender are rewritten by [sender]; our own stays."""
    ours, foreign, null = (_ask(office, "--from", one) for one in ("a@contoso.com", "a@else.test", ""))

    assert [] == ours["changes"]
    assert ["a From of else.test becomes <scan@contoso.com>; the old one: reply-to"] == foreign["changes"]
    assert ["the empty sender becomes <scan@contoso.com>"] == null["changes"]


def test_a_size_is_judged(office: Any) -> None:
    """What is too large is refused at MAIL, and the cure names the key."""
    found = _ask(office, "--from", "a@contoso.com", "--size", "157286401")

    assert "552" == found["said"][-1]["reply"][:3]
    assert "max_message" in found["do"][0]


def test_a_size_that_a_way_or_a_device_treats_otherwise_is_said(office: Any) -> None:
    """By name: who sets the limit, and who says what is done; what would be refused at its end is not taken."""
    file = office.directory / "relay365.toml"
    sized = FILE.replace('tls = "none"', 'tls = "none"\noversize = { limit = "10M", action = "notify" }')
    file.write_text(sized + '[oversize]\nlimit = "8M"\n', "utf-8")
    asked = ("--from", "a@contoso.com", "--to", "b@else.test", "--size", "11000000")
    by_route = _ask(office, *asked)
    device = '[[device]]\nname = "cam"\nmatch = { address = "192.168.10.31" }\noversize = { action = "%s" }\n'
    file.write_text(sized + device % "hold", "utf-8")
    by_device = _ask(office, *asked)
    file.write_text(sized + device % "reject", "utf-8")
    refused = _ask(office, *asked)

    way = "[[route]] smarthost"
    assert [f"it is larger than 10 MB ({way}): it is replaced by a notice ({way})"] == by_route["changes"]
    assert [f"it is larger than 10 MB ({way}): it is held for a person (device cam)"] == by_device["changes"]
    assert [True, True, False] == [one["taken"] for one in (by_route, by_device, refused)]
    assert "552 5.3.4 message too big, limit 10 MB (R1)" == refused["said"][1]["reply"]


def test_the_mark_of_an_answer_needs_no_file(office: Any) -> None:
    """Alone or at the end of the whole line; one that there is not says so."""
    (office.directory / "relay365.toml").rename(office.directory / "other.toml")
    from click.testing import CliRunner

    from relay365.cli.main import main

    said = [
        CliRunner().invoke(main, ["explain", text, "--json"])
        for text in ("a78", "452 4.3.1 your mail fills the disk (A78)", "A999")
    ]

    assert [0, 0, 1] == [one.exit_code for one in said]
    assert '"title": "452 4.3.1 your mail fills the disk"' in said[0].stdout
    assert said[0].stdout == said[1].stdout
    assert '"there is no such mark"' in said[2].stdout


def test_a_mark_needs_a_file_and_a_mark(office: Any) -> None:
    """Without a configuration, or inside other words, it is a text like any other."""
    (office.directory / "relay365.toml").rename(office.directory / "other.toml")
    from click.testing import CliRunner

    from relay365.cli.main import main

    alone = CliRunner().invoke(main, ["explain", "550 5.7.1 sender not allowed here (R2)", "--json"])
    words = CliRunner().invoke(main, ["explain", "see R2 for this", "--json", "--config", "other.toml"])

    assert '"mark"' not in alone.stdout + words.stdout
    assert 1 == words.exit_code


def test_a_mark_of_no_rule_is_known(office: Any) -> None:
    """R0 stands in refusals of those whom no rule fits."""
    (found,) = office.objects("explain", "550 5.7.1 address not allowed here (R0)")

    assert ("R0", True, ["R1 is whoever has logged in", "R2 is network 192.168.10.0/24"]) == (
        found["mark"], found["is_known"], found["why"],
    )  # fmt: skip


def test_what_the_house_refuses_is_known_beforehand(office: Any) -> None:
    """A foreign and an empty sender where [sender] rejects them: the reply of a session, and what heals it."""
    file = office.directory / "relay365.toml"
    file.write_text(
        FILE.replace('foreign = "rewrite"', 'foreign = "reject"').replace(
            'null = "rewrite"', 'null = "reject"'
        ),
        "utf-8",
    )
    ours, foreign, null = (_ask(office, "--from", one) for one in ("a@contoso.com", "a@else.test", ""))

    assert [True, False, False] == [one["taken"] for one in (ours, foreign, null)]
    assert "550 5.7.1 sender domain not allowed here (R2)" == foreign["said"][-1]["reply"]
    assert "550 5.7.1 empty sender not allowed here (R2)" == null["said"][-1]["reply"]
    assert ["[sender] domains" in foreign["do"][0], "null = " in null["do"][0]] == [True, True]
