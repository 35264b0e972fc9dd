"""The wizard as a person meets it, until the script has to be run; the whole is in tests/e2e/test_init_story.py."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay365.cli.main import main
from relay365.cli.microsoft.answering import today
from relay365.cli.setup import init_mail, init_steps
from relay365.cli.setup.init_steps import LookedUp
from relay365.config import parse
from relay365.setup.powershell.checking import faults_of
from relay365.setup.resume import load
from relay365.setup.tenant import MailHost, Tenant
from relay365.setup.tries.answer import Answer

TENANT = "7f3c0000-0000-4000-8000-0000000091aa"
TYPED = "contoso.com\n\n\n\n10.0.0.0/8\n\n10.0.0.1:25\nops@contoso.com\n\n\n"


@pytest.fixture
def _known_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init_steps, "find_tenant_of", lambda answers: Tenant(answers.domain, TENANT))
    monkeypatch.setattr(init_steps, "mail_host_of", lambda _: MailHost(unknown="no DNS here"))
    monkeypatch.setattr(init_steps, "look_up", _looked_up)


def _looked_up(domain: str) -> LookedUp:
    if domain == "contoso.com":
        return LookedUp(
            domain, TENANT, "", (f"Microsoft 365, tenant {TENANT}", "MX of contoso.com: no DNS here")
        )
    return LookedUp(domain, words=(f"no tenant of {domain}",), is_no=True)


@pytest.mark.usefixtures("_known_tenant")
def test_questions_then_a_script(tmp_path: Path) -> None:
    """Enter mostly; then key and scripts are there, and without the pasted line it ends with how to go on."""
    command = ["init", "--config", str(tmp_path / "relay365.toml"), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, command, input=TYPED + "nonsense\n\n", prog_name="relay365")
    kept = load(tmp_path / "data")

    assert 1 == done.exit_code, done.output
    assert "expected a line that begins with R365:" in done.stdout
    assert f"relay365 init --resume --data {tmp_path / 'data'}" in done.stderr
    assert [] == faults_of((tmp_path / "relay365-setup.ps1").read_text("utf-8"))
    assert not (tmp_path / "relay365.toml").exists()
    assert kept is not None
    assert (("key", "script"), TENANT) == (kept.steps, kept.tenant_id)
    assert "scan@contoso.com" == kept.answers["mailbox"]
    assert "no DNS here" in done.stdout


@pytest.mark.usefixtures("_known_tenant")
def test_resumed_by_the_pasted_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted wizard asks for nothing but the line, and goes on to the configuration and the first mail."""
    monkeypatch.setattr(init_steps, "check_all", lambda *_: [Answer("token", True, "ok")])
    monkeypatch.setattr(init_mail, "send_first", lambda *_: [Answer("first mail", True, "ok")])
    command = ["init", "--config", str(tmp_path / "relay365.toml"), "--data", str(tmp_path / "data")]
    CliRunner().invoke(main, command, input=TYPED, prog_name="relay365")
    ids = [f"{n}a1e0c52-0000-4000-8000-00000000000{n}" for n in range(1, 5)]
    line = f"R365:{':'.join(ids)}:scan@contoso.com"
    resume = ["init", "--resume", "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, resume, input=line + "\n", prog_name="relay365")
    kept = load(tmp_path / "data")

    assert 0 == done.exit_code, done.output
    assert "1/6" not in done.stdout
    assert f'client = "{ids[1]}"' in (tmp_path / "relay365.toml").read_text("utf-8")
    assert kept is not None
    assert ("key", "script", "result", "configuration", "checks", "mail") == kept.steps
    assert f"relay365 run --config {tmp_path / 'relay365.toml'}" in done.stdout


BY_HAND = "# relay365, written by relay365 init on 2026-11-01: mail of all\nmax_message = 1\n"


@pytest.mark.usefixtures("_known_tenant")
@pytest.mark.parametrize("said", ["n\n", "\n", ""])
def test_a_configuration_of_init_is_not_replaced_unasked(tmp_path: Path, said: str) -> None:
    """It is asked before anything is made; whoever does not say yes finds everything as it was: exit 4."""
    file = tmp_path / "relay365.toml"
    file.write_text(BY_HAND, "utf-8")
    command = ["init", "--config", str(file), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, command, input=TYPED + said, prog_name="relay365")

    assert (4, BY_HAND, [file]) == (done.exit_code, file.read_text("utf-8"), list(tmp_path.iterdir()))
    assert (
        f"{file} is there already, written by relay365 init on 2026-11-01. Replace it? A copy is"
        in done.stderr
    )
    assert f"what: {file} is there already, and stays\n" in done.stderr


@pytest.mark.usefixtures("_known_tenant")
@pytest.mark.parametrize(("flags", "said"), [([], "y\n"), (["--yes"], "")])
def test_what_is_replaced_is_kept_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], said: str
) -> None:
    """With a yes, or --yes; the copy is named, and has what an administrator wrote."""
    monkeypatch.setattr(init_steps, "check_all", lambda *_: [Answer("token", True, "ok")])
    monkeypatch.setattr(init_mail, "send_first", lambda *_: [Answer("first mail", True, "ok")])
    file = tmp_path / "relay365.toml"
    file.write_text(BY_HAND, "utf-8")
    line = f"R365:{':'.join(4 * [TENANT])}:scan@contoso.com\n"
    command = ["init", "--config", str(file), "--data", str(tmp_path / "data"), *flags]
    done = CliRunner().invoke(main, command, input=TYPED + said + line, prog_name="relay365")
    (copy,) = tmp_path.glob("relay365.toml.*")

    assert 0 == done.exit_code, done.output
    assert f"written: {file}; the old one is {copy}\n" in done.stdout
    assert (BY_HAND, True) == (copy.read_text("utf-8"), 'kind = "submission"' in file.read_text("utf-8"))
    again = ["init", "--resume", "--data", str(tmp_path / "data")]
    assert 0 == CliRunner().invoke(main, again, prog_name="relay365").exit_code
    file.write_text(file.read_text("utf-8") + "# by hand\n", "utf-8")
    assert 4 == CliRunner().invoke(main, again, prog_name="relay365").exit_code
    assert file.read_text("utf-8").endswith("# by hand\n")


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


@pytest.mark.usefixtures("_known_tenant")
def test_the_tenant_is_looked_up_before_anything_else_is_asked(tmp_path: Path) -> None:
    """A domain that nobody has is asked again at once; what is found stands before the second question."""
    command = ["init", "--config", str(tmp_path / "relay365.toml"), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, command, input=f"contso.com\n{TYPED}\n", prog_name="relay365")
    head = done.stdout.partition("2/6")[0]

    assert "no tenant of contso.com" in head
    assert f"Microsoft 365, tenant {TENANT}" in head
    assert 2 == head.count("1/6")
    assert 1 == done.stdout.count(TENANT)


@pytest.mark.usefixtures("_known_tenant")
def test_the_address_of_a_channel_is_kept_in_a_file_of_its_own(tmp_path: Path) -> None:
    """Neither the configuration nor what is kept for --resume has it; a wrong one is asked again."""
    url = "https://prod.logic.test/workflows/x?sig=Kanarie"
    typed = TYPED[:-1] + f"teams\nhttp://prod.logic.test/x\n{url}\n\n"
    command = ["init", "--config", str(tmp_path / "relay365.toml"), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, command, input=typed, prog_name="relay365")
    file = tmp_path / "data" / "keys" / "alert.url"

    assert "expected an https address, found http://prod.logic.test/x" in done.stdout
    assert (url + "\n", 0o600) == (file.read_text(), file.stat().st_mode & 0o777)
    assert "Kanarie" not in (tmp_path / "data" / "setup.json").read_text()


@pytest.mark.usefixtures("_known_tenant")
def test_a_rescue_asks_two_questions(tmp_path: Path) -> None:
    """What it would write: one device, one mailbox, the sign-in of a person, and a reminder in seven days."""
    command = ["init", "--rescue", "--client", "7a1e0c52-0000-4000-8000-000000000000", "--dry-run"]
    command += ["--config", str(tmp_path / "r.toml")]
    typed = "scan\nscan@contoso.com\n192.168.10.0/24\n192.168.10.31\n"
    done = CliRunner().invoke(main, command, input=typed, prog_name="relay365")
    config = parse(done.stdout.partition("r.toml\n")[2].partition("# ---- a dry run")[0], "r.toml")

    assert 0 == done.exit_code, done.output
    assert 2 == done.stdout.count("1/2") and 2 == done.stdout.count("2/2") and "1/6" not in done.stdout
    assert "expected the address of one device, such as 192.168.10.31, found 192.168.10.0/24" in done.stdout
    assert ["192.168.10.31/32", "127.0.0.0/8"] == [str(one.network) for one in config.allow]
    (route,), (reminder,), (channel,) = config.route, config.alerts.reminder, config.alerts.channel
    assert ("mailbox", "scan@contoso.com") == (route.login, route.mailbox)  # type: ignore[union-attr]
    assert date.fromisoformat(today()) + timedelta(days=7) == reminder.on
    assert "relay365 init" in reminder.do
    assert ("mail", "scan@contoso.com") == (channel.kind, channel.to)


@pytest.mark.usefixtures("_known_tenant")
def test_a_rescue_is_no_resuming_any_more(tmp_path: Path) -> None:
    """Where a wizard was broken off --rescue says what it did once, and changes nothing; both at once are wrong."""
    place = ["--config", str(tmp_path / "relay365.toml"), "--data", str(tmp_path / "data")]
    CliRunner().invoke(main, ["init", *place], input=TYPED, prog_name="relay365")
    before = sorted(tmp_path.rglob("*"))
    rescue = ["init", "--rescue", *place]
    done = CliRunner().invoke(main, rescue, input="scan@contoso.com\n192.168.10.31\n", prog_name="relay365")
    both = CliRunner().invoke(main, [*rescue, "--resume"], prog_name="relay365")

    assert (2, 2) == (done.exit_code, both.exit_code)
    assert f"do:   go on with it: relay365 init --resume --data {tmp_path / 'data'}; or take" in done.stderr
    assert "choose one" in both.stderr
    assert before == sorted(tmp_path.rglob("*"))
