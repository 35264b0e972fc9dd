"""The command `relay365` itself."""

from __future__ import annotations

import subprocess
import sys

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
