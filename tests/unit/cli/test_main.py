"""The command `relay365` itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import click
from click.testing import CliRunner

from relay365 import __version__
from relay365.cli.main import COMMANDS, GROUPS, main


def test_help_lists_every_command_and_the_exit_codes() -> None:
    """What a newcomer needs stands on one screen: in groups, a line for each command, none of them wrapped."""
    said = CliRunner().invoke(main, ["--help"]).stdout

    assert [] == [name for name in COMMANDS if f"  {name}" not in said]
    assert "Exit codes: 0 good" in said
    assert len(said.splitlines()) <= 10 + len(COMMANDS) + 2 * len(GROUPS)
    assert all(len(line) <= 80 for line in said.splitlines())


def test_help_imports_no_command() -> None:
    """Help is quick because nothing but click is loaded: no loop, no database, no models."""
    code = (
        "import sys\nfrom relay365.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "slow = {'asyncio', 'apsw', 'pydantic', 'msal', 'ssl', 'argon2', 'tomllib'}\n"
        "print(sorted(m for m in sys.modules if m in slow or m.startswith('relay365.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    assert "['relay365.cli', 'relay365.cli.main']" == done.stdout.splitlines()[-1]


def test_the_version_is_the_packages() -> None:
    """One place holds it."""
    assert f"relay365, version {__version__}\n" == CliRunner().invoke(main, ["--version"]).stdout


def test_an_unknown_command_is_wrong_use() -> None:
    """Exit 2."""
    assert 2 == CliRunner().invoke(main, ["no-such-command"]).exit_code


def _all(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from _all(inner, f"{path} {name}".strip())


def test_every_command_can_speak_to_machines() -> None:
    """--json everywhere, so that nobody has to remember where it is not."""
    found = dict(_all(main, ""))

    assert len(found) > 60
    assert [] == [
        path
        for path, one in found.items()
        if "--json" not in {word for each in one.params for word in each.opts}
    ]


def test_what_prints_a_text_prints_the_same_as_json() -> None:
    """Scripts and examples, octet for octet."""
    for command, key in ((("completion", "bash"), "script"), (("config", "example"), "config"),
                         (("connector", "undo"), "script")):  # fmt: skip
        plain = CliRunner().invoke(main, list(command))
        spoken = CliRunner().invoke(main, [*command, "--json"])
        assert (0, 0) == (plain.exit_code, spoken.exit_code)
        assert plain.stdout == json.loads(spoken.stdout)[key]
