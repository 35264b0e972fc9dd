"""Sizes in commands are those of the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import pytest

from relay365.cli.main import COMMANDS, load
from relay365.cli.words.sizes import EXPECTED, Octets, size_of
from relay365.cli.words.times import SPANS, Span, span_of
from relay365.config import ConfigErrors, parse

if TYPE_CHECKING:
    from cli.conftest import Desk
else:
    Desk = Any

FILE = """
[server]
data = "data"
{key} = {value}
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
tls = "none"
"""
LASTING = {"--for", "--wait", "--timeout", "--minutes", "--seconds", "--drain-within"}


def _in_file(key: str, text: str) -> Any:
    """What the configuration makes of it, None where it refuses; its words for what it expects."""
    try:
        return getattr(parse(FILE.format(key=key, value=f'"{text}"'), "x").server, key), ""
    except ConfigErrors as errors:
        return None, errors.errors[0].expected


@pytest.mark.parametrize(
    "text", ["25M", "150M", "100K", "1G", "20000000", "25MB", "25m", "2.5M", "-1", "M", "", " 25M", "large"]
)
def test_what_the_file_takes_a_command_takes(text: str) -> None:
    """The same number, or the same words for what was expected."""
    octets, expected = _in_file("max_message", text)

    assert octets == size_of(text)
    assert expected in ("", EXPECTED)


@pytest.mark.parametrize("text", ["30s", "15m", "4h", "5d", "0s", "90", "1.5h", "soon", "-1h"])
def test_a_time_of_the_file_is_one_of_a_command(text: str) -> None:
    """Commands know weeks besides."""
    seconds, expected = _in_file("command_timeout", text)

    assert seconds == span_of(text)
    assert expected in ("", SPANS)


def _options(command: click.Command, path: str) -> Iterator[tuple[str, click.Option]]:
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from _options(one, f"{path} {name}")
    yield from ((path, one) for one in command.params if isinstance(one, click.Option))


def test_there_is_one_way_to_write_them() -> None:
    """Every option of every command that is a size, or how long something lasts."""
    every = [one for name in COMMANDS for one in _options(load(name), name)]
    sizes = [(path, one) for path, one in every if "--size" in one.opts]
    lasting = [(path, one) for path, one in every if LASTING & set(one.opts)]

    assert {"bench", "explain", "route explain", "send-test"} == {path for path, _ in sizes}
    assert [] == [path for path, one in sizes if not isinstance(one.type, Octets)]
    assert {
        "alerts mute", "app rotate", "device learn", "drain", "probe", "queue freeze", "send-test", "simulate outage",
        "tail", "token login",
    } == {path for path, _ in lasting}  # fmt: skip
    assert [] == [(path, one.opts) for path, one in lasting if not isinstance(one.type, Span)]
    assert [] == [
        (path, one.opts)
        for path, one in every
        if "octets" in (one.help or "") and not isinstance(one.type, Octets)
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("explain", "--as", "192.168.10.31"),
        ("route", "explain", "--to", "l@fabrikam.com"),
        ("send-test", "--to", "l@fabrikam.com"),
    ],
)
def test_a_wrong_size_is_refused_in_three_lines(desk: Desk, command: tuple[str, ...]) -> None:
    """What was expected and what was found, as of a key of the file; exit 2."""
    done = desk.run(*command, "--size", "25MB")

    assert 2 == done.exit_code
    assert (
        'what: --size 25MB cannot be read\nwhy:  expected a size such as "25M", found 25MB\n'
        "do:   digits alone for octets, or K, M or G behind them for so many times 1024: 25M\n" == done.stderr
    )


@pytest.mark.parametrize(
    ("size", "rule"), [("10M", None), ("10485760", None), ("11M", "large"), ("1G", "large")]
)
def test_a_size_with_its_unit_is_meant(desk: Desk, size: str, rule: str | None) -> None:
    """A rule for more than 10M holds for 11M, and not for 10M."""
    with (desk.directory / "relay365.toml").open("a") as file:
        file.write('[[rule]]\nname = "large"\nlarger_than = "10M"\nroutes = ["smarthost"]\n')
    (found,) = desk.objects("route", "explain", "--to", "l@fabrikam.com", "--size", size)

    assert rule == found["rule"]
