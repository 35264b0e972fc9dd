"""The words of a sheet follow from its facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relay365.cli.devices import sheet_words
from relay365.cli.devices.sheet_facts import (
    AT_ONCE,
    MUST_STARTTLS,
    NONE,
    STARTTLS,
    Certificate,
    Facts,
    Sender,
    Way,
    Who,
)
from relay365.mail.refusals.closed import refusal_in
from relay365.rules.client import Client

OURS = Certificate(True, "/data/tls/ca.pem", "AA:BB", "2036-01-01")
WAY = Way("192.168.10.5:25", "192.168.10.5", 25, STARTTLS, True, 25 * 1024**2, True)
PLAIN = Facts(
    Who("copier"), "relay.test", "R1", Client("R1", login="optional"), (WAY,), "optional", Sender("scan@a.test"), OURS,
    True,
)  # fmt: skip


def fields(facts: Facts, password: str = "") -> dict[str, tuple[str, str]]:
    return {row.field: (row.value, row.note) for row in sheet_words.rows(facts, password)}


def of_way(**changes: Any) -> Facts:
    return PLAIN._replace(ways=(WAY._replace(**changes),))


def test_the_least_is_typed_where_nothing_is_asked_for() -> None:
    """Server, port, security, no login, sender, size, certificate; and no line for what does not matter."""
    found = fields(PLAIN)

    assert ["Server", "Port", "Security", "Login", "Sender", "Largest mail", "Certificate"] == list(found)
    assert ("192.168.10.5", "25", "STARTTLS", "off", "scan@a.test", "25 MB", "check off") == tuple(
        value for value, _ in found.values()
    )
    assert "/data/tls/ca.pem" in found["Certificate"][1]


@pytest.mark.parametrize(
    ("security", "value"),
    [(NONE, "none"), (STARTTLS, "STARTTLS"), (MUST_STARTTLS, "STARTTLS"), (AT_ONCE, "SSL/TLS")],
)
def test_each_security_has_its_word(security: str, value: str) -> None:
    """And where there is none there is no certificate."""
    found = fields(of_way(security=security))

    assert value == found["Security"][0]
    assert (security == NONE) == ("Certificate" not in found)


def test_nobody_is_told_to_go_without_tls_where_the_login_needs_it() -> None:
    """STARTTLS may fail and be switched off only for who needs no login, or may say it in clear."""
    login = PLAIN._replace(who=Who("copier", login="copier"))
    assert "if the test fails: none" == fields(PLAIN)["Security"][1] == fields(login)["Security"][1]
    secret = login._replace(ways=(WAY._replace(in_clear=False),))

    assert "without it no login is taken" == fields(secret)["Security"][1]


def test_a_password_is_there_only_when_it_is_new() -> None:
    """Else the administrator is asked; with a login nobody named, for its name, too."""
    login = PLAIN._replace(who=Who("copier", login="copier"))

    assert ("copier", "k7wq") == (fields(login, "k7wq")["User name"][0], fields(login, "k7wq")["Password"][0])
    assert "ask the administrator" == fields(login)["Password"][0]
    assert "ask the administrator" == fields(PLAIN._replace(login="required"))["User name"][0]
    assert "no login, no SMTP authentication" == fields(login._replace(login="never"))["Login"][1]


@pytest.mark.parametrize(
    ("sender", "row"),
    [
        (Sender(), ("any address", "")),
        (Sender("", ("@a.test",)), ("one of a.test", "")),
        (Sender("s@a.test", ("s@a.test", "t@a.test")), ("s@a.test", "or another of t@a.test")),
        (Sender("s@a.test", ("s@a.test",)), ("s@a.test", "")),
        (
            Sender("s@a.test", is_put_in=True),
            ("s@a.test", "whatever is typed here, the mail goes out with this one"),
        ),
        (
            Sender("s@a.test", ("@a.test",), is_mended=True),
            ("s@a.test", "or another of a.test; any other becomes this one"),
        ),
        (Sender("", ("@a.test", "@b.test")), ("one of a.test, b.test", "")),
        (Sender("", (f"@{'a' * 40}", f"@{'b' * 40}", "@c")), (f"one of {'a' * 40} and 2 more", "")),
    ],
)
def test_the_sender_is_told_with_what_becomes_of_others(sender: Sender, row: tuple[str, str]) -> None:
    """Any, one of several, ours in its place, or ours for what is foreign."""
    assert row == fields(PLAIN._replace(sender=sender))["Sender"]


def test_a_port_that_changes_is_not_told() -> None:
    """Nobody can type it."""
    assert "not fixed" == fields(of_way(port=0))["Port"][0]


def test_what_is_wrong_now_is_said_first() -> None:
    """No service, or a listener that does not answer."""
    silent = of_way(answers=False)

    assert [] == sheet_words.remarks(PLAIN)
    assert "does not run" in sheet_words.remarks(PLAIN._replace(is_running=False))[0]
    assert "Nobody answers now at 192.168.10.5:25" in sheet_words.remarks(silent)[0]


def test_the_texts_are_ours_and_fit_the_device() -> None:
    """Each text with a code is one of the closed list; about logins only where there is one."""
    strict = PLAIN._replace(
        login="required",
        client=replace(
            PLAIN.client, recipients=frozenset({"@a.test"}), senders=frozenset({"s@a.test"}), per_minute=5
        ),
        ways=(WAY._replace(in_clear=False, security=MUST_STARTTLS),),
    )
    for facts, codes in (
        (PLAIN, ["550", "552", "452"]),
        (PLAIN._replace(login="never"), ["550", "502", "552", "452"]),
        (strict, ["550", "530", "530", "535", "550", "550", "552", "450", "452"]),
    ):
        said = [one.said for one in sheet_words.meanings(facts) if one.said[:3].isdigit()]
        assert codes == [one[:3] for one in said]
        assert all(refusal_in(one) is not None for one in said), said


def test_other_ways_and_how_to_test_are_told() -> None:
    """The second listener in a line, and the command that shows this device."""
    both = PLAIN._replace(ways=(WAY, WAY._replace(port=465, security=AT_ONCE), WAY._replace(port=0)))

    assert ["port 465 at 192.168.10.5 with SSL/TLS"] == sheet_words.others(both)
    assert "relay365 tail --device copier --next" in sheet_words.test(PLAIN)[1]
    assert "--device" not in sheet_words.test(PLAIN._replace(who=Who("network 10.0.0.0/8")))[1]
