"""`relay365 app script` and `undo`, as far as nobody is asked; the rest is in tests/e2e/test_app_story.py."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay365.cli.main import main
from relay365.setup.keys import read_key
from relay365.setup.powershell.checking import faults_of

TENANT = "7f3c0000-0000-4000-8000-0000000091aa"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["app", *arguments], prog_name="relay365")


@pytest.mark.parametrize("grant", ["mailbox", "scope", "graph", "hve", "person"])
def test_the_script_is_printed(grant: str, tmp_path: Path) -> None:
    """Good PowerShell on standard output, with the certificate of the key that was made; the undo beside it."""
    key = tmp_path / "app.pem"
    wish = ("--mailbox", "scan@contoso.com", "--tenant", TENANT, "--grant", grant)
    made, undone = _run("script", *wish, "--key", str(key)), _run("undo", *wish)

    assert (0, 0) == (made.exit_code, undone.exit_code)
    assert [] == faults_of(made.stdout) + faults_of(undone.stdout)
    assert (grant != "person") is key.exists()
    if key.exists():
        assert base64.b64encode(read_key(key).der).decode() in made.stdout
        assert "never leaves this machine" in made.stderr


def test_the_key_is_used_again(tmp_path: Path) -> None:
    """A second script has the same certificate."""
    wish = ("script", "--mailbox", "scan@contoso.com", "--tenant", TENANT, "--key", str(tmp_path / "app.pem"))

    assert _run(*wish).stdout == _run(*wish).stdout


def test_into_a_folder(tmp_path: Path) -> None:
    """Under the name that its own text bears."""
    done = _run(
        "script",
        "--mailbox",
        "a@contoso.com",
        "--tenant",
        TENANT,
        "--key",
        str(tmp_path / "k"),
        "--folder",
        str(tmp_path),
    )

    assert (0, "") == (done.exit_code, done.stdout)
    assert "New-ServicePrincipal" in (tmp_path / "relay365-setup.ps1").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--mailbox", "scan"), 2, "expected a mail address"),
        (("--mailbox", "a@contoso.com", "--sender", "x"), 2, "--sender x"),
        (("--mailbox", "a@contoso.com", "--name", "a\nb"), 2, "without control characters"),
        (("--mailbox", "a@contoso.com", "--key", "."), 2, "is a directory"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], code: int, words: str, tmp_path: Path) -> None:
    """Each is said."""
    key = () if "--key" in arguments else ("--key", str(tmp_path / "k"))
    done = _run("script", "--tenant", TENANT, *key, *arguments)

    assert code == done.exit_code
    assert words in done.stderr


def test_a_key_file_that_is_none(tmp_path: Path) -> None:
    """It is not overwritten: exit 1."""
    (tmp_path / "k").write_text("mine", "utf-8")
    done = _run("script", "--mailbox", "a@contoso.com", "--tenant", TENANT, "--key", str(tmp_path / "k"))

    assert (1, "mine") == (done.exit_code, (tmp_path / "k").read_text("utf-8"))
