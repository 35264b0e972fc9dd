"""Every PowerShell script that we write, read by a reader that we did not write, which must read what ours reads."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from e2e.administrator import relay365
from e2e.microsoft import microsoft
from powershell.reading import read
from relay365.cli.main import main
from relay365.handbook import pages
from relay365.setup.powershell.grammar import BYTE_ORDER_MARK, parse
from relay365.setup.powershell.tokens import ScriptError
from relay365.setup.powershell.tree import Command
from relay365.setup.scripts import application, connector
from relay365.setup.scripts.application import AppWish, Grant
from relay365.setup.scripts.composing import EXCHANGE_CLOUDS, Origin
from relay365.setup.scripts.connector import ConnectorWish
from shape import command_lines

GOLDEN = Path(__file__).parents[2] / "golden" / "scripts"
ORIGIN = Origin("relay365 1.0", "srv-relay", "2026-11-30")
TENANT, CLIENT, SCAN = (
    "7f3c0000-0000-4000-8000-0000000091aa",
    "7a1e0c52-0000-4000-8000-0000000091aa",
    "scan@contoso.com",
)
GRANTS: tuple[Grant, ...] = ("mailbox", "scope", "scope-graph", "hve", "person")
NAMES = {
    "plain": "relay365 srv-relay",
    "quotes": "relay'; Remove-Mailbox boss; $(Get-Mailbox) `\" o'brien } ) #",
    "letters": "Büro \u2019; Remove-Mailbox boss; \u2019 \u201cx\u201d",
}
MARKS = "(){}[]'\""


def _applications() -> Iterator[tuple[str, str]]:
    for grant, cloud in itertools.product(GRANTS, EXCHANGE_CLOUDS):
        for kind, name in NAMES.items():
            wish = AppWish(
                TENANT, name, SCAN, grant, b"DER", f"{name} 2026-11", ("alerts@contoso.com", "o'neil@contoso.com"),
                makes_mailbox=kind == "quotes", cloud=cloud,
            )  # fmt: skip
            yield f"app {grant} {cloud} {kind}", application.make_script(wish, ORIGIN)
            yield f"app undo {grant} {cloud} {kind}", application.undo_script(wish, ORIGIN)
            yield f"app rotate {cloud} {kind}", application.rotate_script(wish, CLIENT, ORIGIN)
        alone = AppWish(TENANT, NAMES["plain"], SCAN, grant, b"DER", "key", cloud=cloud)
        yield f"app {grant} {cloud} no further senders", application.make_script(alone, ORIGIN)


def _connectors() -> Iterator[tuple[str, str]]:
    known_by = {
        "certificate": {"certificate": "relay.contoso.com"}, "wildcard": {"certificate": "*.contoso.com"},
        "address": {"addresses": ("8.8.4.7",)}, "addresses": {"addresses": ("8.8.4.7", "8.8.8.0/25")},
    }  # fmt: skip
    for cloud, (how, facts), (kind, name) in itertools.product(
        EXCHANGE_CLOUDS, known_by.items(), NAMES.items()
    ):
        wish = ConnectorWish(name, "contoso.com", cloud=cloud, **facts)  # type: ignore[arg-type]
        yield f"connector {how} {cloud} {kind}", connector.make_script(wish, ORIGIN)
        yield f"connector undo {cloud} {kind}", connector.undo_script(wish, ORIGIN)


def _commands(node: object) -> Iterator[tuple[str, list[str]]]:
    """The commands as our own reader sees them, in the text's order."""
    if isinstance(node, Command):
        yield node.name, [parameter for parameter, _ in node.arguments if parameter]
    if isinstance(node, tuple):
        for one in node:
            yield from _commands(one)
    elif dataclasses.is_dataclass(node):
        for one in dataclasses.fields(node):
            yield from _commands(getattr(node, one.name))


def _ours(text: str) -> list[tuple[str, list[str]]] | None:
    """None where our own reader refuses the text."""
    try:
        return list(_commands(parse(text).body))
    except ScriptError:
        return None


def _check(scripts: dict[str, str]) -> None:
    """Nothing in them is unreadable, and both readers see the same commands with the same parameters."""
    readings = read([text.removeprefix(BYTE_ORDER_MARK) for text in scripts.values()])
    for (name, text), reading in zip(scripts.items(), readings, strict=True):
        assert (name, []) == (name, reading.faults)
        assert (name, _ours(text)) == (name, reading.commands)
        assert reading.commands


def test_every_script() -> None:
    """All grants, clouds and kinds of connector, made and undone and renewed, with names that would like to be code."""
    scripts = dict(itertools.chain(_applications(), _connectors()))

    assert len(GRANTS) * len(EXCHANGE_CLOUDS) * len(NAMES) * 2 < len(scripts)
    _check(scripts)


def test_the_golden_scripts() -> None:
    """Those that a person reads before a change are read, too."""
    _check({file.name: file.read_text("utf-8") for file in sorted(GOLDEN.glob("*.ps1"))})


def test_what_the_commands_print(tmp_path: Path) -> None:
    """`relay365 app` and `connector` print a script and nothing else."""
    key, domain = ("--key", str(tmp_path / "app.pem")), ("--domain", "contoso.com")
    orders = [
        *(
            ("app", "script", "--tenant", TENANT, "--mailbox", SCAN, "--grant", grant, *key)
            for grant in ("mailbox", "scope", "graph", "hve", "person")
        ),
        ("app", "script", "--tenant", TENANT, "--mailbox", SCAN, "--new-mailbox", *key),
        ("app", "undo", "--tenant", TENANT, "--mailbox", SCAN),
        ("connector", "script", *domain, "--certificate-name", "relay.contoso.com"),
        ("connector", "script", *domain, "--address", "8.8.4.7"),
        ("connector", "undo"),
    ]
    printed = {}
    for order in orders:
        done = CliRunner().invoke(main, order)
        assert (order, 0) == (order, done.exit_code), done.output
        printed[" ".join(order)] = done.stdout

    _check(printed)


@pytest.mark.parametrize("road", ["application", "person", "address"])
def test_what_the_wizard_writes(road: str, tmp_path: Path) -> None:
    """`relay365 init` leaves a script and its undo in the folder, as octets that a PowerShell reads."""
    with microsoft(tmp_path) as cloud:
        (tmp_path / "answers.toml").write_text(
            f'road = "{road}"\nmailbox = "scan@contoso.com"\nnetworks = ["127.0.0.0/8"]\nlisteners = ["127.0.0.1:0"]\n'
            f'data = "data"\nwait = "1s"\nauthority = "{cloud.facts["authority"]}"\n'
            f'ca_file = "{cloud.facts["ca_file"]}"\n' + 'address = "8.8.4.7"\n' * (road == "address"),
            "utf-8",
        )
        done = relay365(tmp_path, "init", "--answers", "answers.toml", "--config", "relay365.toml")
    files = sorted(tmp_path.glob("*.ps1"))

    assert 2 == len(files), done.stdout + done.stderr
    _check({file.name: file.read_bytes().decode("utf-8-sig") for file in files})


def test_what_is_copied_into_a_powershell() -> None:
    """The script of `completion powershell` is readable, and each block of PowerShell in the page on applications."""
    page = next(one.text for one in pages.written() if one.name == "apps")
    blocks = [content for language, content in command_lines.blocks(page) if language == "powershell"]
    completion = CliRunner().invoke(main, ["completion", "powershell"]).stdout
    first, *others = read([completion, *blocks])

    assert blocks
    assert [] == [fault for one in (first, *others) for fault in one.faults]
    assert "Register-ArgumentCompleter" in {name for name, _ in first.commands}


@pytest.mark.parametrize("name", ["app-mailbox.ps1", "connector-address.ps1"])
def test_a_mark_that_is_missing_is_seen(name: str) -> None:
    """One brace, parenthesis, bracket or quote taken away anywhere: it cannot be read, or other commands are seen."""
    text = (GOLDEN / name).read_text("utf-8")
    shown = re.sub(
        r'#.*|(?<=")[^"\n]*(?=")', lambda found: " " * len(found[0]), text
    )  # a mark in a text is one of it
    broken = {at: text[:at] + text[at + 1 :] for at, mark in enumerate(shown) if mark in MARKS}
    readings = dict(zip(broken, read(list(broken.values())), strict=True))
    good = _ours(text)
    unseen = [at for at, reading in readings.items() if not reading.faults and good == reading.commands]

    assert 50 < len(broken)
    assert [] == [f"line {text[:at].count(os.linesep) + 1}: {text[at]}" for at in unseen]


@pytest.mark.parametrize(
    "planted",
    [
        "if ($a) { Get-Mailbox -Identity 'a'",
        "$a = 'open",
        '$a = "open',
        "$a = @('a', 'b'",
        "$a = @{ b = 'c'",
        "$a = 1 }",
        "foreach ($a in ) { Get-Mailbox }",
        "if ($a) Get-Mailbox",
        "Get-Mailbox -Identity a'",
        "Get-Mailbox | | Get-Mailbox",
    ],
)
def test_planted_faults(planted: str) -> None:
    """Each is found in a script that is good without it."""
    good, bad = read(["$a = 1\nGet-Mailbox\n", f"$a = 1\n{planted}\nGet-Mailbox\n"])

    assert ([], [("Get-Mailbox", [])]) == (good.faults, good.commands)
    assert bad.faults
