"""The questions of the wizard."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from relay365.cli.setup.init_questions import (
    QUESTIONS,
    ROADS,
    ask_all,
    ask_case,
    check_url,
    own_listeners,
    own_networks,
)
from relay365.setup.advice import Case, Road
from relay365.setup.answers import Answers, judge_one, judged

CASE = {"per_minute": 10}


def _asked(typed: str, known: dict[str, Any] | None = None) -> tuple[dict[str, Any], str]:
    """(answers, what was shown) for what a person types."""
    found: dict[str, Any] = {}

    @click.command()
    def command() -> None:
        found.update(ask_all(known or {}, lambda: "certificate"))

    done = CliRunner().invoke(command, input=typed)
    assert done.exit_code == 0, done.output
    return found, done.output


def test_enter_takes_the_default() -> None:
    """A domain and Enter for the rest make answers that are whole."""
    found, shown = _asked("contoso.com\n\n\n\n\n\n\n\n\n\n")

    assert judged(found, "x").road is Road.APPLICATION
    assert "scan@contoso.com" == found["mailbox"]
    assert "1/6" in shown
    assert "6/6" in shown


def test_what_is_wrong_is_asked_again() -> None:
    """With what is expected."""
    found, shown = _asked(
        "\ncontoso\ncontoso.com\nz\nb\nscan\nscan@contoso.com\n\n10.0.0.0/8, 192.168.1.0/24\n\n\n\n\n\n"
    )

    assert "expected an answer, found nothing" in shown
    assert "expected a mail domain such as contoso.com, found contoso" in shown
    assert "expected a letter of A to F, or ?, found z" in shown
    assert 'expected a mail address such as "scan@contoso.com", found scan' in shown
    assert ("person", ["10.0.0.0/8", "192.168.1.0/24"]) == (found["road"], found["networks"])


def test_what_is_known_is_not_asked() -> None:
    """An answer of the file, or of the interrupted wizard."""
    known = {question.key: "x" for question in QUESTIONS}

    assert (known, "") == _asked("", known)


def test_the_road_decides_what_is_asked() -> None:
    """The certificate's files only on its road; no application there."""
    found, shown = _asked(
        "contoso.com\n?\n\nrelay.pem\nrelay.key\n\n\n\n\n\n\n\n",
    )

    assert "certificate" == found["road"]
    assert ("relay.pem", "relay.contoso.com") == (found["certificate"], found["certificate_name"])
    assert "Id of the application" not in shown


def test_every_question_is_an_answer() -> None:
    """Each key is one of Answers, each road one of its words."""
    assert set() == {question.key for question in QUESTIONS} - set(Answers.model_fields)
    assert {road.value for road in Road} == {word for word, _ in ROADS.values()}


def test_what_this_machine_offers() -> None:
    """Networks and a listener that the answers take."""
    networks = [one.strip() for one in own_networks().split(",") if one.strip()]

    assert "" == judge_one("networks", networks)
    assert "" == judge_one("listeners", [own_listeners()])


def test_the_questions_behind_the_advice() -> None:
    """Their answers make a case."""
    found: dict[str, Any] = {}

    @click.command()
    def command() -> None:
        found.update(ask_case())

    done = CliRunner().invoke(command, input="40\n600\nn\ny\nn\ny\n")

    assert 0 == done.exit_code
    assert Case(40, 600, False, "any", True, False) == Case(**found)


@pytest.mark.parametrize("key", ["road", "mailbox"])
def test_the_end_of_input_is_an_end(key: str) -> None:
    """Nobody there: click aborts, and nothing is made up."""

    @click.command()
    def command() -> None:
        ask_all({"domain": "contoso.com"} | ({"road": "hve"} if key == "mailbox" else {}), lambda: "hve")

    assert 1 == CliRunner().invoke(command, input="").exit_code


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("nobody\n", {}),
        ("syslog\nsyslog.test\nudp://10.0.0.9:514\n", {"alert_address": "udp://10.0.0.9:514"}),
        (
            "mail\n\nisp\nmail.isp.test:587\n",
            {"alert_to": "ops@contoso.com", "alert_host": "mail.isp.test:587"},
        ),
        ("pigeon\nwebhook\nftp://x\nhttps://hook.test/x\n", {"alert_url": "https://hook.test/x"}),
    ],
)
def test_who_hears_decides_what_is_asked(typed: str, found: dict[str, str]) -> None:
    """Each way has its own questions, and each answer is judged before the next."""
    known = {question.key: "x" for question in QUESTIONS if not question.key.startswith("alert_")}
    answers, _ = _asked(typed, {**known, "reports_to": "ops@contoso.com"})

    assert found == {
        key: value for key, value in answers.items() if key.startswith("alert_") and key != "alert_by"
    }


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://hook.test/x?sig=1", True),
        ("http://127.0.0.1:9/x", True),
        ("http://localhost/x", True),
        ("http://hook.test/x", False),
        ("hook.test", False),
        ("https://", False),
        ("https://[x", False),
    ],
)
def test_an_address_to_post_to(url: str, is_good: bool) -> None:
    """By TLS; in clear only to this machine."""
    assert is_good is (check_url(url) == "")


def test_a_domain_is_looked_up_until_it_is_one_or_is_insisted_on() -> None:
    """Enter takes the same once more."""
    found: dict[str, Any] = {}
    asked: list[str] = []

    def looked_up(domain: str) -> bool:
        asked.append(domain)
        return False

    known = {question.key: "x" for question in QUESTIONS if question.key != "domain"}

    @click.command()
    def command() -> None:
        found.update(ask_all(known, lambda: "", looked_up))

    done = CliRunner().invoke(command, input="contso.com\ncontoso.test\n\n")

    assert (0, ["contso.com", "contoso.test"], "contoso.test") == (done.exit_code, asked, found["domain"])
