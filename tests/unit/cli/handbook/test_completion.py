"""`relay365 completion`: the tabulator key, in the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay365.cli.handbook.completion import SHELLS
from relay365.cli.main import COMMANDS, main

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
BASH = """\
source <(relay365 completion bash)
keys() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _relay365_completion relay365; echo "${COMPREPLY[*]}"
}
"""


def _run(shell: str, script: str) -> list[str]:
    """The lines that a script writes; a shell that complains fails the test."""
    done = subprocess.run(
        [shell, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": PATH, "RELAY365_CONFIG": "/nowhere/relay365.toml"},
    )

    assert "" == done.stderr
    return done.stdout.splitlines()


def _asked(shell: str, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What the program answers to a shell's question, as click's protocol has it."""
    asked = {
        "_RELAY365_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    code = (
        "import sys\nfrom relay365.cli.main import main\ntry:\n    main(prog_name='relay365')\n"
        "except SystemExit:\n    print(sorted(m for m in sys.modules if m.startswith('relay365.')), file=sys.stderr)"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **asked, **more},
    )


def test_bash_completes_commands_options_and_values() -> None:
    """In bash itself, with the script as it is printed."""
    asks = (
        "relay365 qu",
        "relay365 queue l",
        "relay365 doctor --rep",
        "relay365 completion ''",
        "relay365 doctor l",
    )
    said = _run("bash", BASH + "\n".join(f"keys {ask}" for ask in asks))

    assert ["queue quota", "list", "--report", " ".join(SHELLS), "local lan"] == said


def test_bash_completes_names_of_pages() -> None:
    """`docs` knows its pages, and the word in front of an error's text."""
    said = _run("bash", BASH + "keys relay365 docs e\nkeys relay365 docs al\nkeys relay365 docs no-such")

    assert {"error", "emulator", "events"} <= set(said[0].split())
    assert ["alerts", ""] == said[1:]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes() -> None:
    """In fish itself; what stands behind a name is its help."""
    said = _run("fish", 'relay365 completion fish | source\ncomplete -C"relay365 qu"')

    assert ["queue", "quota"] == [line.partition("\t")[0] for line in said]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(tmp_path: Path) -> None:
    """In zsh itself, on a terminal: a word that has one end is ended by the key."""
    (tmp_path / "begin").write_text(
        f"autoload -Uz compinit; compinit -u -d {tmp_path}/dump\nsource <(relay365 completion zsh)\necho re''ady\n",
        "utf-8",
    )
    terminal, inside = pty.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        env={**os.environ, "PATH": PATH, "TERM": "dumb"},
    )
    try:
        os.write(terminal, f"source {tmp_path}/begin\n".encode())
        began = _read_until(terminal, "ready")
        os.write(terminal, b"relay365 quo\t")
        ended = _read_until(terminal, "quota")
    finally:
        shell.kill()
        shell.wait()
        os.close(inside)
        os.close(terminal)

    assert "ready" in began
    assert "quota" in ended


def _read_until(terminal: int, word: str) -> str:
    """What a terminal shows until a word stands there; at most 60 s."""
    shown, end = "", time.monotonic() + 60
    while word not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096).decode("utf-8", "replace")
    return shown


def test_powershell_is_told_name_and_help() -> None:
    """The script's own protocol: kind, value and words on three lines for each; there is no PowerShell here to try."""
    lines = _asked("powershell", "relay365 qu").stdout.splitlines()

    assert ["plain", "queue", "plain", "quota"] == [line for n, line in enumerate(lines) if n % 3 < 2]
    assert COMMANDS["quota"] == lines[5]
    assert "Register-ArgumentCompleter -Native -CommandName relay365" in _script("powershell")


def test_the_key_loads_nothing_for_a_command_name() -> None:
    """Names come from the list that --help has: no command, no configuration, no service."""
    done = _asked("bash", "relay365 ", RELAY365_CONFIG="/nowhere/relay365.toml")

    assert [f"plain,{name}" for name in COMMANDS] == done.stdout.splitlines()
    assert "['relay365.cli', 'relay365.cli.main']\n" == done.stderr


def test_the_key_reads_no_configuration() -> None:
    """Options of a command come from the command alone: neither the configuration's reader nor the spool is loaded."""
    done = _asked("bash", "relay365 queue list --", RELAY365_CONFIG="/nowhere/relay365.toml")

    assert "plain,--json" in done.stdout.splitlines()
    for part in ("relay365.config", "relay365.spool.sqlite", "relay365.engine"):
        assert f"'{part}'" not in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_only_the_script(shell: str) -> None:
    """What goes into a file is the script; how to install it is in --help, with a line for each shell."""
    said = CliRunner().invoke(main, ["completion", "--help"], prog_name="relay365").stdout

    assert "_RELAY365_COMPLETE" in _script(shell)
    assert "%(" not in _script(shell)
    assert f"relay365 completion {shell} >" in said


def _script(shell: str) -> str:
    done = CliRunner().invoke(main, ["completion", shell], prog_name="relay365")

    assert (0, "") == (done.exit_code, done.stderr)
    return done.stdout


def test_an_unknown_shell_is_wrong_use() -> None:
    """Exit 2, with the shells that there are."""
    done = CliRunner().invoke(main, ["completion", "tcsh"])

    assert 2 == done.exit_code
    assert "'bash', 'zsh', 'fish', 'powershell'" in done.stderr


def test_the_way_to_install_is_said_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at the script is told where it belongs; a file gets no word of it."""
    from relay365.cli.handbook import completion as command

    monkeypatch.setattr(
        command, "sys", type("Terminal", (), {"stdout": type("Out", (), {"isatty": lambda: True})})
    )
    done = CliRunner().invoke(main, ["completion", "bash"], prog_name="relay365")

    assert "to install it: relay365 completion bash > /etc/bash_completion.d/relay365\n" == done.stderr
    assert "to install it" not in done.stdout
