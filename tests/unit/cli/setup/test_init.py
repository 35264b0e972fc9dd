"""The wizard as a person meets it, until the script has to be run; the whole is in tests/e2e/test_init_story.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from relay365.cli.main import main
from relay365.cli.setup import init_mail, init_steps
from relay365.setup.powershell.checking import faults_of
from relay365.setup.resume import load
from relay365.setup.tenant import MailHost, Tenant
from relay365.setup.tries.answer import Answer

TENANT = "7f3c0000-0000-4000-8000-0000000091aa"
TYPED = "contoso.com\n\n\n\n10.0.0.0/8\n\n10.0.0.1:25\nops@contoso.com\n\n"


@pytest.fixture
def _known_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init_steps, "find_tenant_of", lambda answers: Tenant(answers.domain, TENANT))
    monkeypatch.setattr(init_steps, "mail_host_of", lambda _: MailHost(unknown="no DNS here"))


@pytest.mark.usefixtures("_known_tenant")
def test_questions_then_a_script(tmp_path: Path) -> None:
    """Enter mostly; then key and scripts are there, and without the pasted line it ends with how to go on."""
    command = ["init", "--config", str(tmp_path / "relay365.toml"), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, command, input=TYPED + "nonsense\n\n", prog_name="relay365")
    kept = load(tmp_path / "data")

    assert 1 == done.exit_code, done.output
    assert "expected a line that begins with R365:" in done.stdout
    assert f"relay365 init --rescue --data {tmp_path / 'data'}" in done.stderr
    assert [] == faults_of((tmp_path / "relay365-setup.ps1").read_text("utf-8"))
    assert not (tmp_path / "relay365.toml").exists()
    assert kept is not None
    assert (("key", "script"), TENANT) == (kept.steps, kept.tenant_id)
    assert "scan@contoso.com" == kept.answers["mailbox"]
    assert "no DNS here" in done.stdout


@pytest.mark.usefixtures("_known_tenant")
def test_rescued_by_the_pasted_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted wizard asks for nothing but the line, and goes on to the configuration and the first mail."""
    monkeypatch.setattr(init_steps, "check_all", lambda *_: [Answer("token", True, "ok")])
    monkeypatch.setattr(init_mail, "send_first", lambda *_: [Answer("first mail", True, "ok")])
    command = ["init", "--config", str(tmp_path / "relay365.toml"), "--data", str(tmp_path / "data")]
    CliRunner().invoke(main, command, input=TYPED, prog_name="relay365")
    ids = [f"{n}a1e0c52-0000-4000-8000-00000000000{n}" for n in range(1, 5)]
    line = f"R365:{':'.join(ids)}:scan@contoso.com"
    rescue = ["init", "--rescue", "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, rescue, input=line + "\n", prog_name="relay365")
    kept = load(tmp_path / "data")

    assert 0 == done.exit_code, done.output
    assert "1/6" not in done.stdout
    assert f'client = "{ids[1]}"' in (tmp_path / "relay365.toml").read_text("utf-8")
    assert kept is not None
    assert ("key", "script", "result", "configuration", "checks", "mail") == kept.steps
    assert f"relay365 run --config {tmp_path / 'relay365.toml'}" in done.stdout


@pytest.mark.usefixtures("_known_tenant")
def test_a_dry_run_of_a_connector(tmp_path: Path) -> None:
    """What would be written is shown, and nothing is."""
    answers = tmp_path / "answers.toml"
    answers.write_text(
        'mailbox = "a@contoso.com"\nroad = "address"\naddress = "8.8.4.4"\nnetworks = ["10.0.0.0/8"]\n',
        "utf-8",
    )
    command = ["init", "--answers", str(answers), "--config", str(tmp_path / "r.toml"), "--dry-run"]
    done = CliRunner().invoke(main, command, prog_name="relay365")

    assert 0 == done.exit_code, done.output
    assert "-SenderIPAddresses $addresses" in done.stdout
    assert 'kind = "connector"' in done.stdout
    assert [answers] == list(tmp_path.iterdir())


@pytest.mark.usefixtures("_known_tenant")
def test_an_open_relay_is_refused_first(tmp_path: Path) -> None:
    """Before key and script are made: exit 4."""
    answers = tmp_path / "answers.toml"
    answers.write_text('mailbox = "a@contoso.com"\nnetworks = ["0.0.0.0/0"]\n', "utf-8")
    command = [
        "init",
        "--answers",
        str(answers),
        "--config",
        str(tmp_path / "r.toml"),
        "--data",
        str(tmp_path / "data"),
    ]
    done = CliRunner().invoke(main, command, prog_name="relay365")

    assert (4, [answers]) == (done.exit_code, list(tmp_path.iterdir()))


def test_an_answers_file_that_is_not_there(tmp_path: Path) -> None:
    """Exit 2."""
    done = CliRunner().invoke(main, ["init", "--answers", str(tmp_path / "none")], prog_name="relay365")

    assert 2 == done.exit_code
    assert "cannot be read" in done.stderr
