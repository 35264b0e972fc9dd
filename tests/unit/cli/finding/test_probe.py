"""`relay365 probe` as people and programs see it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.mailserver import Authority, MailServer
from relay365.cli.main import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["probe", *arguments], prog_name="relay365")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("authority")), time.time())


def test_a_good_server_for_people(authority: Authority) -> None:
    """Each part on its line, the reading, the verdict, and the line for openssl."""
    with MailServer(authority.context()).running() as where:
        done = run(where, "--ca-file", str(authority.ca_file), "--transcript")

    assert 0 == done.exit_code, done.output
    for words in (
        f"server       {where}, STARTTLS", '"220 mail.test ESMTP Fake"', "1.3 yes", "CN=localhost",
        "trusted    yes", "the relay would send through it", "openssl s_client -starttls smtp", " > EHLO probe",
    ):  # fmt: skip
        assert words in done.stdout


def test_a_server_that_is_not_trusted_for_programs(authority: Authority) -> None:
    """Exit 1 and the reason under its keys; the keys are an interface."""
    with MailServer(authority.context()).running() as where:
        done = run(where, "--json")
    found = json.loads(done.stdout)

    assert 1 == done.exit_code
    assert (False, "starttls", False) == (found["good"], found["tls"], found["certificate"]["trusted"])
    assert "certificate" in found["faults"][0]
    assert list(found) == [
        "host", "port", "good", "tls", "greeting", "greeting_ms", "offers", "versions", "key_exchange", "suites",
        "certificate", "asked", "faults", "remarks", "looks_like", "openssl", "transcript",
    ]  # fmt: skip


def test_nobody_is_there() -> None:
    """Exit 3, in three lines."""
    done = run("127.0.0.1:9")

    assert (3, "") == (done.exit_code, done.stdout)
    assert ["what:", "why: ", "do:  "] == [line[:5] for line in done.stderr.splitlines()]


def test_what_is_no_mail_server() -> None:
    """Exit 3, and it says so."""
    with MailServer(greeting="SSH-2.0-OpenSSH_9.2").running() as where:
        done = run(where)

    assert 3 == done.exit_code
    assert "is no mail server" in done.stderr


def test_the_ports_that_are_meant(authority: Authority) -> None:
    """A v6 address has brackets; without a port it is 25, with --tls 465."""
    assert "[::1]:9" in run("[::1]:9").stderr or "::1:9" in run("[::1]:9").stderr
    assert "127.0.0.1:465" in run("127.0.0.1", "--tls").stderr


def test_mail_and_rcpt_are_shown() -> None:
    """What they were answered, word for word."""
    with MailServer(replies={"RCPT": "550 5.7.1 no"}).running() as where:
        done = run(where, "--mail-from", "a@contoso.com", "--rcpt-to", "b@else.test")

    assert 1 == done.exit_code
    assert "RCPT TO:<b@else.test>   550 5.7.1 no" in done.stdout
