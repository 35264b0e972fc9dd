"""From an empty directory to a delivered mail with one command, against a Microsoft 365 where nothing is set up yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.administrator import Administrator, relay365
from e2e.microsoft import Microsoft, microsoft
from relay365.config import parse

NOTHING_SET_UP = """
[tenant]
smtp_auth = false
[application]
roles = []
[[mailbox]]
address = "scan@contoso.com"
rights = false
[[mailbox]]
address = "ops@contoso.com"
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """A tenant with a mailbox, where nothing else is set up."""
    with microsoft(tmp_path, NOTHING_SET_UP) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty directory: the clean machine."""
    found = tmp_path / "clean"
    found.mkdir()
    return found


def _answers(cloud: Microsoft, folder: Path, **changes: str) -> Path:
    """A file of answers for the emulator; changes: further lines, or others, by key."""
    keys = {
        "mailbox": '"scan@contoso.com"', "networks": '["127.0.0.0/8"]', "listeners": '["127.0.0.1:0"]',
        "data": '"data"',
        "test_to": '"ops@contoso.com"', "reports_to": '"ops@contoso.com"', "wait": '"60s"', "result": '"result.txt"',
        "authority": f'"{cloud.facts["authority"]}"', "endpoint": f'"{cloud.facts["submission"]}"',
        "ca_file": f'"{cloud.facts["ca_file"]}"', "host": f'"{cloud.facts["mx"]}"',
        "graph_endpoint": f'"{cloud.facts["graph"]}"', **changes,
    }  # fmt: skip
    file = folder / "answers.toml"
    file.write_text("".join(f"{key} = {value}\n" for key, value in keys.items() if value), "utf-8")
    return file


@pytest.mark.parametrize("grant", ["mailbox", "scope"])
def test_one_command_from_nothing_to_a_delivered_mail(cloud: Microsoft, folder: Path, grant: str) -> None:
    """The wizard makes key and script, waits while an administrator runs it, proves each step, and a mail arrives."""
    admin = Administrator(cloud, folder)
    admin.start()
    answers = _answers(cloud, folder, grant=f'"{grant}"')
    done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml")
    admin.join()

    assert done.returncode == 0, done.stdout + done.stderr
    (mail,) = cloud.control.messages()
    assert ("scan@contoso.com", ["ops@contoso.com"]) == (mail["reverse_path"], mail["recipients"])
    assert b"Subject: relay365 works" in cloud.control.content(mail["number"])
    assert {"scan@contoso.com"} == admin.tenant.can_send_from
    for words in (
        "tenant " + str(cloud.facts["tenant_id"]),
        "235 2.7.0",
        "delivered to Microsoft",
        "relay365 run --config",
    ):
        assert words in done.stdout
    config = parse((folder / "relay365.toml").read_text("utf-8"), "relay365.toml")
    assert "127.0.0.0/8" == str(config.allow[0].network)
    assert "file" in str(config.route[0].secrets()["key"])
    assert 0o600 == (folder / "data" / "keys" / "app.pem").stat().st_mode & 0o777


def test_what_was_set_up_goes_on_working(cloud: Microsoft, folder: Path) -> None:
    """The configuration passes its check, app verify proves it, and the undo script ends it: app verify says so."""
    admin = Administrator(cloud, folder)
    admin.start()
    first = relay365(
        folder, "init", "--answers", _answers(cloud, folder).name, "--config", "relay365.toml", "--json"
    )
    admin.join()
    facts = json.loads(first.stdout)
    checked = relay365(folder, "config", "check", "--config", "relay365.toml")
    verified = relay365(folder, "app", "verify", "--config", "relay365.toml")
    admin.tenant.run((folder / "relay365-undo.ps1").read_text("utf-8"))
    after = relay365(folder, "app", "verify", "--config", "relay365.toml", "--json")

    assert (0, ["key", "script", "result", "configuration", "checks", "mail"]) == (
        first.returncode,
        facts["steps"],
    )
    assert cloud.facts["client_id"] == facts["application"]
    assert (0, "") == (checked.returncode, checked.stderr)
    assert (0, 4) == (verified.returncode, verified.stdout.count(" ok "))
    assert 1 == after.returncode
    assert "AADSTS700027" in json.loads(after.stdout.splitlines()[0])["text"]


def test_broken_off_and_resumed(cloud: Microsoft, folder: Path) -> None:
    """Without the script's result the wizard ends with what is missing; --resume goes on with the same key."""
    answers = _answers(cloud, folder, result="")
    first = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml")
    key = (folder / "data" / "keys" / "app.pem").read_bytes()
    admin = Administrator(cloud, folder)
    admin.start()
    admin.join()
    answers.write_text(answers.read_text("utf-8") + 'result = "result.txt"\n', "utf-8")
    resume = ("init", "--resume", "--data", str(folder / "data"), "--answers", answers.name)
    second = relay365(folder, *resume)

    assert 1 == first.returncode
    assert "do:   run the script in" in first.stderr
    assert "relay365 init --resume --data" in first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    assert key == (folder / "data" / "keys" / "app.pem").read_bytes()
    assert 1 == len(cloud.control.messages())


def test_what_is_not_true_yet_is_named(cloud: Microsoft, folder: Path) -> None:
    """Where SMTP AUTH stays off, the wizard says which text came, why, and the cmdlet; and how to go on."""
    admin = Administrator(cloud, folder)
    admin.tenant.set_c_a_s_mailbox = lambda **_: []  # type: ignore[method-assign]
    admin.start()
    answers = _answers(cloud, folder, wait='"6s"')
    done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml")
    admin.join()

    assert 1 == done.returncode
    assert "SmtpClientAuthentication is disabled for the Tenant" in done.stderr
    assert "Set-" in done.stderr
    assert "--resume" in done.stderr
    assert [] == cloud.control.messages()


def test_a_dry_run_writes_nothing(cloud: Microsoft, folder: Path) -> None:
    """It shows both scripts and the configuration, and leaves the directory as it was."""
    answers = _answers(cloud, folder)
    done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert [answers] == list(folder.iterdir())
    for words in ("relay365-setup.ps1", "relay365-undo.ps1", "New-ServicePrincipal", 'kind = "submission"'):
        assert words in done.stdout
    assert [] == cloud.control.messages()


def test_somebody_elses_configuration_is_left_alone(cloud: Microsoft, folder: Path) -> None:
    """A file that init has not written is not replaced: exit 4, and nothing has been made."""
    (folder / "relay365.toml").write_text("# mine\n", "utf-8")
    answers = _answers(cloud, folder)
    done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml", "--yes")

    assert (4, "# mine\n") == (done.returncode, (folder / "relay365.toml").read_text("utf-8"))
    assert "overwrites nobody's work" in done.stderr
    assert {answers, folder / "relay365.toml"} == set(folder.iterdir())


def test_nobody_is_asked_about_a_configuration_of_ours(cloud: Microsoft, folder: Path) -> None:
    """Without a person init refuses to replace what it wrote once: exit 4; --dry-run shows, and changes nothing."""
    written = "# relay365, written by relay365 init on 2026-11-01: mail of all\n# by hand\n"
    (folder / "relay365.toml").write_text(written, "utf-8")
    how = ("init", "--answers", _answers(cloud, folder).name, "--config", "relay365.toml")
    done, shown = relay365(folder, *how), relay365(folder, *how, "--dry-run")

    assert (4, 0) == (done.returncode, shown.returncode)
    assert "why:  written by relay365 init on 2026-11-01; it may have been edited since\n" in done.stderr
    assert "do:   the same with --yes, and a copy is kept beside it; or write another one" in done.stderr
    assert written == (folder / "relay365.toml").read_text("utf-8")


def test_an_application_that_is_there_already(cloud: Microsoft, folder: Path) -> None:
    """With client and secret no script is made; the mailbox that has its rights already sends."""
    cloud.control.change("/application", roles=["SMTP.SendAsApp"])
    cloud.control.change("/mailboxes/scan@contoso.com", rights=True, smtp_auth=True)
    secret = f'{{ file = "{cloud.facts["secret_file"]}" }}'
    answers = _answers(cloud, folder, result="", client=f'"{cloud.facts["client_id"]}"', secret=secret)
    done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [] == list(folder.glob("*.ps1"))
    assert 1 == len(cloud.control.messages())


@pytest.mark.parametrize("road", ["hve", "graph"])
def test_other_roads_with_an_application(road: str, tmp_path: Path, folder: Path) -> None:
    """High Volume Email and Graph, with an application that is there: proved as far as it goes, and a mail arrives."""
    with microsoft(tmp_path) as cloud:
        own = {
            "hve": ("hve@contoso.com", str(cloud.facts["hve"])),
            "graph": ("scan@contoso.com", "127.0.0.1:1"),
        }[road]
        answers = _answers(
            cloud, folder, result="", road=f'"{road}"', mailbox=f'"{own[0]}"', endpoint=f'"{own[1]}"',
            client=f'"{cloud.facts["client_id"]}"', secret=f'{{ file = "{cloud.facts["secret_file"]}" }}',
            test_to='"alerts@contoso.com"',
        )  # fmt: skip
        done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml")

        assert done.returncode == 0, done.stdout + done.stderr
        assert [["alerts@contoso.com"]] == [mail["recipients"] for mail in cloud.control.messages()]


def test_a_person_signs_in_before_it_goes_on(cloud: Microsoft, folder: Path) -> None:
    """On the road of a person the configuration is written, and the wizard names the command that is next."""
    admin = Administrator(cloud, folder)
    admin.start()
    answers = _answers(cloud, folder, road='"person"')
    done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml")
    admin.join()

    assert 1 == done.returncode
    assert "relay365 token login --config relay365.toml" in done.stderr
    assert 'login = "mailbox"' in (folder / "relay365.toml").read_text("utf-8")
    assert {"scan@contoso.com": False} == admin.tenant.switches
    assert [] == admin.tenant.assignments


def test_a_domain_without_a_tenant(cloud: Microsoft, folder: Path) -> None:
    """It is said before anything is made: exit 1, and nothing is written."""
    answers = _answers(cloud, folder, mailbox='"scan@fabrikam.example"')
    done = relay365(folder, "init", "--answers", answers.name, "--config", "relay365.toml")

    assert 1 == done.returncode
    assert "no tenant of fabrikam.example" in done.stderr
    assert [answers] == list(folder.iterdir())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('mailbox = "scan"', 'a mail address such as "scan@contoso.com"'),
        ('mailboxx = "a@contoso.com"', "did you mean mailbox?"),
        ('road = "carrier"', '"application", "person"'),
        ("mailbox = a", "found Invalid value"),
    ],
)
def test_wrong_answers(folder: Path, line: str, words: str) -> None:
    """Exit 2 in three lines: what, expected and found, what to do."""
    (folder / "answers.toml").write_text(line + "\n", "utf-8")
    done = relay365(folder, "init", "--answers", "answers.toml")

    assert 2 == done.returncode
    assert words in done.stderr
    assert 3 == len(done.stderr.splitlines())


def test_nothing_to_resume(folder: Path) -> None:
    """--resume without an interrupted wizard is wrong use."""
    done = relay365(folder, "init", "--resume", "--data", str(folder))

    assert 2 == done.returncode
    assert "no wizard was interrupted" in done.stderr
