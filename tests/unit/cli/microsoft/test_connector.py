"""`relay365 connector plan`, script and undo, as far as nobody is asked; the rest is an e2e story."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay365.cli.main import main
from relay365.emulator.certificates import new_authority, new_leaf
from relay365.setup.powershell.checking import faults_of


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["connector", *arguments], prog_name="relay365")


@pytest.fixture
def mx() -> Iterator[str]:
    """Somebody who listens, as host and port; freed when the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_plan_for_people(mx: str, tmp_path: Path) -> None:
    """The case, each road with a verdict and reasons, and the next command."""
    leaf = new_leaf(new_authority("ca", 1_796_000_000.0), ["relay.contoso.com"], 1_796_000_000.0)
    (tmp_path / "relay.pem").write_bytes(leaf.pem()[0])
    done = _run(
        "plan",
        "--domain",
        "contoso.com",
        "--mx",
        mx,
        "--certificate",
        str(tmp_path / "relay.pem"),
        "--per-minute",
        "90",
    )
    lines = done.stdout.splitlines()

    assert 0 == done.exit_code
    assert f"your case: MX {mx}" == lines[0]
    assert "port 25 to it: open" in lines[1]
    assert lines[3].split()[:2] == ["certificate", "recommended"]
    assert lines[-1].startswith("next: relay365 init")


@pytest.mark.parametrize(
    ("names", "words"), [(["relay.fabrikam.com"], "none of them in contoso.com"), ([], "cannot be")]
)
def test_a_certificate_that_does_not_fit(mx: str, tmp_path: Path, names: list[str], words: str) -> None:
    """Of another domain, or no certificate at all: the road does not fit, and why is said."""
    file = tmp_path / "relay.pem"
    if names:
        file.write_bytes(new_leaf(new_authority("ca", 1_796_000_000.0), names, 1_796_000_000.0).pem()[0])
    done = _run("plan", "--domain", "contoso.com", "--mx", mx, "--certificate", str(file), "--json")
    found = json.loads(done.stdout)

    assert words in found["notes"][1] or "No such file" in found["notes"][1]
    assert "does not fit" == next(one["fit"] for one in found["roads"] if one["road"] == "certificate")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("script", "--domain", "contoso.com"), "--certificate-name or --address"),
        (
            (
                "script",
                "--domain",
                "contoso.com",
                "--address",
                "8.8.4.4",
                "--certificate-name",
                "a.contoso.com",
            ),
            "one of the two",
        ),
        (("script", "--domain", "contoso.com", "--address", "2001:db8::1"), "connectors know no IPv6"),
        (("plan", "--domain", "contoso.com", "--mx", "host"), "--mx host"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], words: str) -> None:
    """Exit 2, in three lines."""
    done = _run(*arguments)

    assert (2, 3) == (done.exit_code, len(done.stderr.splitlines()))
    assert words in done.stderr


def test_scripts() -> None:
    """Good PowerShell."""
    made = _run("script", "--domain", "contoso.com", "--address", "8.8.4.4", "--address", "8.8.4.5")
    undone = _run("undo")

    assert (0, 0) == (made.exit_code, undone.exit_code)
    assert "$addresses = @('8.8.4.4', '8.8.4.5')" in made.stdout
    assert [] == faults_of(made.stdout) + faults_of(undone.stdout)


def test_verify_without_a_connector(tmp_path: Path) -> None:
    """A configuration that has none: exit 2, with what it has."""
    server = '[server]\ndata = "d"\n[[listener]]\naddress = "127.0.0.1:0"\n'
    (tmp_path / "r.toml").write_text(
        f'{server}[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:2"\n', "utf-8"
    )
    done = _run("verify", "--config", str(tmp_path / "r.toml"))

    assert 2 == done.exit_code
    assert "the file has: smarthost" in done.stderr
