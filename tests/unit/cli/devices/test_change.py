"""`relay365 device add | set | disable`: the table on standard output, advice on standard error."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.config import parse

UPS = '[[device]]\nname = "ups"\nplace = "cellar"\nmatch = { address = ["192.168.10.90"] }\n'


@pytest.fixture
def house(desk: Any) -> Any:
    """A desk whose configuration has a device."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + UPS, "utf-8")
    return desk


def test_a_table_that_was_added_is_taken(house: Any) -> None:
    """What stands on standard output may be appended as it is."""
    done = house.run(
        "device",
        "add",
        "copier",
        "tolerate.bare_lf_ends_data=true",
        "max_message=25M",
        "--address",
        "192.168.10.31",
    )
    text = (house.directory / "relay365.toml").read_text("utf-8") + done.stdout
    copier = parse(text, "x").device[1]

    assert ("copier", 25 * 1024**2, True) == (
        copier.name,
        copier.max_message,
        copier.tolerate.bare_lf_ends_data,
    )
    assert ["192.168.10.31/32"] == [str(network) for network in copier.match.address]
    assert (0, "append this to relay365.toml, then start the service again\n") == (
        done.exit_code,
        done.stderr,
    )


def test_a_table_that_cannot_be_is_not_printed(house: Any) -> None:
    """A key that does not exist, a device that matches nothing, and a name that is taken."""
    for arguments in (
        ("x", "--address", "192.0.2.1", "tolerate.nothing=true"),
        ("x",),
        ("ups", "--address", "192.0.2.1"),
    ):
        done = house.run("device", "add", *arguments)
        assert (2, "") == (done.exit_code, done.stdout)


def test_a_setting_changes_one_key(house: Any) -> None:
    """The rest stays as the administrator wrote it; a key alone goes back to its default."""
    done = house.run("device", "set", "ups", "tolerate.no_dot_unstuff=true", "place")

    assert (
        '[[device]]\nname = "ups"\nmatch = { address = ["192.168.10.90"] }\ntolerate = { no_dot_unstuff = true }\n'
        == done.stdout
    )
    assert UPS in (house.directory / "relay365.toml").read_text("utf-8")


def test_a_disabled_device_may_send_to_nobody(house: Any) -> None:
    """It stays known, so that its sessions are read as its own."""
    (found,) = house.objects("device", "disable", "ups")

    assert found["toml"].endswith('recipients = ["@disabled.invalid"]\n')
    assert "ups" == found["name"]


def test_a_device_that_there_is_not_is_said_so(house: Any) -> None:
    """With the command that makes it one."""
    done = house.run("device", "disable", "copier")

    assert (1, "do:   relay365 device add copier --address ADDRESS") == (
        done.exit_code,
        done.stderr.splitlines()[-1],
    )
