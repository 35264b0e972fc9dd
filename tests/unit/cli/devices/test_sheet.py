"""`relay365 device sheet`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay365.engine.accounts import read_users

COPIER = (
    '[[device]]\nname = "copier"\nkind = "Kyocera"\nmatch = { login = "kyo" }\nsender = "scan@contoso.com"\n'
)


@pytest.fixture
def house(desk: Any) -> Any:
    """The desk's network, and a device that has a login."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + COPIER, "utf-8")
    return desk


def test_a_sheet_says_what_to_type(house: Any) -> None:
    """For one device; a password that is known to nobody any more is not on it."""
    said = house.run("device", "sheet", "copier")

    assert 0 == said.exit_code, said.output
    for words in (
        "SCAN TO MAIL: copier",
        "Kyocera",
        "127.0.0.1",
        "2525",
        "kyo",
        "scan@contoso.com",
        "ask the",
    ):
        assert words in said.stdout, words


def test_without_a_name_it_is_for_the_network(house: Any) -> None:
    """And is an object with --json."""
    (found,) = house.objects("device", "sheet")

    assert ("network 127.0.0.0/8", 2525, "optional", None) == (
        found["name"], found["ways"][0]["port"], found["login"], found["password"],
    )  # fmt: skip


def test_a_new_password_stands_on_it_and_opens(house: Any) -> None:
    """It is the login's from now on; the file of the page is for nobody else to read."""
    page = house.directory / "copier.html"
    said = house.run("device", "sheet", "copier", "--new-password", "--html", str(page), "--json")
    password = json.loads(said.stdout)["password"]

    assert f"<td>{password}</td>" in page.read_text("utf-8")
    assert 0o600 == page.stat().st_mode & 0o777
    assert "kyo" in read_users((house.directory / "data" / "users").read_text("utf-8"))


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("nobody",), 2, "there is no device or network nobody"),
        (("192.0.2.7",), 1, "192.0.2.7 may not send"),
        (("127.0.0.1", "--new-password"), 2, "there is no login to give a password to"),
        (("copier", "--login", "other"), 2, "copier has a login"),
        (("copier", "--html", "missing/copier.html"), 1, "missing/copier.html cannot be written"),
    ],
)
def test_what_cannot_be_is_said_in_three_lines(
    house: Any, arguments: tuple[str, ...], code: int, what: str
) -> None:
    """What, why, and what to do."""
    said = house.run("device", "sheet", *arguments)

    assert code == said.exit_code
    assert f"what: {what}\n" in said.stderr
    assert ["what", "why", "do"] == [line.partition(":")[0] for line in said.stderr.splitlines()]
