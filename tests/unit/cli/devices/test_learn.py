"""`relay365 device learn`: an order to the service, and what is proposed of what it learned."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from relay365.cli.devices.learn import proposal
from relay365.config import parse
from relay365.engine.blackbox.archive import Archive
from relay365.mail.tolerance import DEFAULT
from relay365.spool.lock import DirectoryLock

UPS = (
    '[[device]]\nname = "ups"\nmatch = { address = ["192.168.10.90"] }\ntolerate = { no_brackets = false }\n'
)


@pytest.fixture
def house(desk: Any) -> Any:
    """A desk whose configuration has a device that is forgiven less than others."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + UPS, "utf-8")
    return desk


@pytest.fixture
def running(house: Any) -> Iterator[Any]:
    """The same, with a service on its data."""
    lock = DirectoryLock(house.directory / "data")
    (house.directory / "data").mkdir()
    lock.take()
    yield house
    lock.release()


def learned(house: Any, **needed: int) -> None:
    learning = {"began_at": 1.0, "until_at": 601.0, "sessions": 2, "tolerated": needed}
    Archive(house.directory / "data").write("device-ups", {"sessions": [], "learning": learning})


@pytest.mark.parametrize(("how", "much"), [("--minutes", "5"), ("--for", "5m"), ("--for", "300s")])
def test_an_order_is_given_to_a_running_service(running: Any, how: str, much: str) -> None:
    """For so long from now."""
    done = running.run("device", "learn", "ups", how, much, "--no-wait")
    order = Archive(running.directory / "data").order()

    assert 0 == done.exit_code
    assert order is not None
    assert ("device-ups", 300.0) == (order.key, round(order.until_at - order.began_at, 3))


def test_an_address_can_be_learned_too(running: Any) -> None:
    """Before it is a device."""
    running.run("device", "learn", "192.0.2.7", "--no-wait")
    order = Archive(running.directory / "data").order()

    assert order is not None
    assert "address-192.0.2.7" == order.key


def test_without_a_service_nothing_can_be_learned(house: Any) -> None:
    """Exit 3, and no order that a later start would obey."""
    assert 3 == house.run("device", "learn", "ups", "--no-wait").exit_code
    assert Archive(house.directory / "data").order() is None


def test_exactly_what_was_needed_and_is_not_on_is_proposed(house: Any) -> None:
    """The device's own exceptions count before [tolerate]."""
    learned(house, no_brackets=3, odd_helo=1)
    lines = house.run("device", "learn", "ups", "--result").stdout.splitlines()

    assert "ups needed in 2 sessions: no_brackets 3, odd_helo 1" == lines[0]
    assert "tolerate = { no_brackets = true }" in lines
    (found,) = house.objects("device", "learn", "ups", "--result")
    assert ("ups", 2, {"no_brackets": 3, "odd_helo": 1}, ["no_brackets"]) == (
        found["name"], found["sessions"], found["needed"], found["missing"],
    )  # fmt: skip


def test_what_was_not_needed_is_proposed_to_be_off(house: Any) -> None:
    """As a comment, complete, so that one paste makes the device's table exactly what it needs."""
    learned(house, no_brackets=3, odd_helo=1)
    last = house.run("device", "learn", "ups", "--result").stdout.splitlines()[-1]
    (found,) = house.objects("device", "learn", "ups", "--result")
    written = tomllib.loads(last.removeprefix("# "))["tolerate"]

    assert last.startswith("# tolerate = { no_brackets = true, ")
    assert {"no_brackets"} == {name for name, is_on in written.items() if is_on}
    assert {*DEFAULT} - {"no_brackets", "odd_helo"} == {name for name, is_on in written.items() if not is_on}
    assert sorted(written.keys() - {"no_brackets"}) == found["needless"]


def test_nothing_is_proposed_where_all_is_on(house: Any) -> None:
    """And where nothing was heard, that is said."""
    learned(house, odd_helo=1)
    assert "nothing is to be changed" in house.run("device", "learn", "ups", "--result").stdout
    assert 1 == house.run("device", "learn", "192.0.2.7", "--result").exit_code


def test_nothing_is_proposed_before_a_session_has_ended(house: Any) -> None:
    """An order that has met no whole session yet has shown nothing: whatever it did not need may be needed still."""
    learning = {"began_at": 1.0, "until_at": 601.0, "sessions": 0, "tolerated": {}}
    Archive(house.directory / "data").write("device-ups", {"sessions": [], "learning": learning})
    done = house.run("device", "learn", "ups", "--result")

    assert 1 == done.exit_code
    assert "tolerate" not in done.stdout
    assert "no session of it has ended meanwhile" in done.stderr


def test_what_is_off_for_all_is_proposed_for_one(house: Any) -> None:
    """An address that is no device yet has only [tolerate]."""
    text = (house.directory / "relay365.toml").read_text("utf-8")
    config = parse(f"{text}[tolerate]\nodd_helo = false\n", "x")

    assert {"odd_helo": True} == proposal(config, None, {"odd_helo": 1, "no_brackets": 1})
