"""Each row of the table of readings, by the shortest session that it is meant for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from relay365.engine.blackbox.dialogue import CLIENT, NOTE, RELAY, Line, show
from relay365.engine.blackbox.reading import READINGS, Story, reading_of
from relay365.engine.blackbox.recording import HUNG_UP, Recording

GREETED = "< 220 relay.test ESMTP"
AUTH = "< 250 AUTH LOGIN PLAIN"
BYE = "< 221 2.0.0 bye"


def story(*said: str, reason: str = HUNG_UP, n_accepted: int = 0) -> Story:
    """`< said by us`, `> said by the client`, `! remark`."""
    return Story(tuple(_line(one) for one in said), reason, n_accepted=n_accepted)


def _line(said: str) -> Line:
    if said[0] == "!":
        return Line(0, NOTE, said)
    if said[0] == "<":
        return Line(0, RELAY, said[2:])
    text = said[2:]
    if text[0] == "(":
        return Line(
            0, CLIENT, text, "." if text.startswith("(content") else "(secret)" if "secret" in text else text
        )
    return Line(0, CLIENT, *show(f"{text}\r".encode()))


MAIL = (GREETED, "> EHLO x", "< 250 SIZE 1", "> MAIL FROM:<a@b.test>")
CASES = {
    "open": (story(GREETED, reason=""), "still here"),
    "remark": (
        story(GREETED, "> STARTTLS", "< 220 go", "! the client does not trust it"),
        "the client does not trust it",
    ),
    "tls-on-plain": (
        story(GREETED, "> (a TLS hello)", "< 500 5.5.2 no"),
        'began TLS at once on a plain port: set it to STARTTLS, or give it a listener with tls = "implicit"',
    ),
    "sslv2": (
        story(GREETED, "> (an SSLv2 hello)"),
        "began with an SSLv2 hello, which is too old for any listener: switch SSL/TLS off there",
    ),
    "web": (story(GREETED, "> GET / HTTP/1.1"), "is no mail client: it sent a web request"),
    "bare-lf": (
        replace(story(*MAIL, reason="451 4.5.2 bare"), is_in_content=True, seems_over=True),
        "ended its message with bare LF and waits: set tolerate = { bare_lf_ends_data = true } for this device",
    ),
    "cut-in-content": (
        replace(story(*MAIL), is_in_content=True),
        "hung up in the middle of a message; nothing of it was taken",
    ),
    "silent-in-content": (
        replace(story(*MAIL, reason="421 4.4.2 Timed out"), is_in_content=True),
        "fell silent in the middle of a message; nothing of it was taken",
    ),
    "message-refused": (
        story(*MAIL, "> (content, 3 octets)", "< 452 4.3.1 full", "> QUIT", BYE, reason="QUIT"),
        "the message was not taken: 452 4.3.1 full",
    ),
    "recipient-refused": (
        story(*MAIL, "< 250 ok", "> RCPT TO:<c@d.test>", "< 550 5.7.1 no (R3)", "> QUIT", BYE, reason="QUIT"),
        "the recipient was refused: 550 5.7.1 no (R3)",
    ),
    "needs-tls": (
        story(*MAIL, "< 530 5.7.0 Must issue a STARTTLS command first (A56)"),
        "must use STARTTLS here: switch it on in the device",
    ),
    "needs-login": (
        story(*MAIL, "< 530 5.7.0 login needed (R2)"),
        "no login is set in the device, and a login is needed here: 530 5.7.0 login needed (R2)",
    ),
    "sender-refused": (story(*MAIL, "< 550 5.7.1 not allowed (R3)"), "refused: 550 5.7.1 not allowed (R3)"),
    "login-wrong": (
        story(
            GREETED,
            "> AUTH LOGIN",
            "< 334 x",
            "> (secret, 3 octets)",
            "< 535 5.7.8 no",
            "> QUIT",
            BYE,
            reason="QUIT",
        ),
        "wrong name or password: relay365 user add NAME gives the login a new one",
    ),
    "password-in-clear": (
        story(GREETED, "> AUTH PLAIN x", "< 538 5.7.11 Encryption required"),
        "said its password in clear: switch STARTTLS on and change it, or set tolerate = { auth_in_clear = true }",
    ),
    "login-in-clear": (
        story(GREETED, "> AUTH LOGIN", "< 538 5.7.11 Encryption required"),
        "wanted to say its password in clear: switch STARTTLS on there, or set tolerate = { auth_in_clear = true }",
    ),
    "login-not-offered": (
        story(GREETED, "> AUTH CRAM-MD5", "< 504 5.7.4 Unrecognized"),
        "wanted a login that is not offered here: 504 5.7.4 Unrecognized",
    ),
    "login-unreadable": (
        story(GREETED, "> AUTH LOGIN", "< 334 x", "> (secret, 3 octets)", "< 501 5.5.2 Cannot decode"),
        "its login could not be read: 501 5.5.2 Cannot decode",
    ),
    "left-at-prompt": (
        story(GREETED, "> EHLO x", AUTH, "> AUTH LOGIN", "< 334 VXNlcm5hbWU6"),
        "left at our prompt for the login: this client wants another way to log in than LOGIN PLAIN",
    ),
    "messages": (
        story(*MAIL, "> (content, 3 octets)", "< 250 2.6.0 queued as 4TQ921", n_accepted=2),
        "gave 2 messages",
    ),
    "refused-at-once": (
        story("< 421 4.3.2 Too many", reason="421 4.7.0 Too many"),
        "refused at the greeting: 421 4.7.0 Too many",
    ),
    "silent": (
        story(GREETED, "< 421 4.4.2 Timed out", reason="421 4.4.2 Timed out"),
        "never said anything: it may wait for TLS on a plain port, or hold a line open",
    ),
    "no-word": (story(GREETED), "left without a word: a monitor or a port scan"),
    "stopped": (
        story(GREETED, "> EHLO x", AUTH, reason="421 4.3.2 Service shutting down"),
        "was told to come again: the relay was stopping",
    ),
    "fault": (
        story(GREETED, "> EHLO x", AUTH, reason="421 4.3.0 Local error"),
        "was told to come again after a fault of the relay: see session.failed in the log",
    ),
    "fell-silent": (
        story(GREETED, "> EHLO x", AUTH, "> NOOP", "< 250 ok", reason="421 4.4.2 Timed out"),
        "fell silent after NOOP",
    ),
    "told-off": (
        story(GREETED, "> EHLO x", AUTH, "> NOOP", reason="421 4.7.0 Too many errors (A33)"),
        "was sent away: 421 4.7.0 Too many errors (A33)",
    ),
    "logged-in-only": (
        replace(
            story(GREETED, "> AUTH PLAIN x", "< 235 2.7.0 ok", "> QUIT", BYE, reason="QUIT"), login="scan"
        ),
        "logged in and left: a test of its settings",
    ),
    "no-login-set": (
        story(GREETED, "> EHLO x", AUTH, "> QUIT", BYE, reason="QUIT"),
        "left after we offered AUTH LOGIN PLAIN: no login is set in the device",
    ),
    "login-behind-tls": (
        story(GREETED, "> EHLO x", "< 250 STARTTLS"),
        "left after EHLO: it may want to log in, which is offered only behind STARTTLS",
    ),
    "no-login-here": (
        story(GREETED, "> EHLO x", "< 250 SIZE 1"),
        "left after EHLO: it may want a login or STARTTLS, and neither is offered here",
    ),
    "left-after-tls": (
        replace(story(GREETED, "> STARTTLS", "< 220 go"), tls="TLSv1.2 x"),
        "left as soon as TLS stood: it may not trust our certificate",
    ),
    "no-command": (story(GREETED, "> hello", "< 500 no"), "is no mail client: it said no command of SMTP"),
    "refused": (
        story(*MAIL, "> RCPT TO:<c@d>", "> DATA", "< 550 5.7.1 no (R3)", "< 503 5.5.1 Need MAIL"),
        "refused: 550 5.7.1 no (R3)",
    ),
    "left": (story(GREETED, "> EHLO x", AUTH, "> NOOP", "< 250 ok"), "left after NOOP without sending"),
}


@pytest.mark.parametrize("name", [row.name for row in READINGS])
def test_the_row_is_the_reading_of_its_session(name: str) -> None:
    """It is the first that fits, and these are its words."""
    one, words = CASES[name]

    assert name == next(row.name for row in READINGS if row.fits(one))
    assert words == reading_of(one)


def test_words_from_outside_are_not_read_as_a_form() -> None:
    """A reply or a remark may hold braces."""
    assert "{n} {reply.x}" == reading_of(story(GREETED, "> STARTTLS", "! {n} {reply.x}"))


def test_a_remark_is_the_reading_only_where_nothing_came_behind_it() -> None:
    """TLS at once that is served is worth a remark, and why the session failed is something else."""
    said = ("! TLS at once on a plain port; it is served", *MAIL, "< 550 5.7.1 no (R3)")

    assert "refused: 550 5.7.1 no (R3)" == reading_of(story(*said))
    assert "still here" == reading_of(story(*said, reason=""))


def test_a_story_is_made_of_a_recording() -> None:
    """Where nothing is known of the peer, too."""
    one = Recording(FakeClock())
    one.said(b"220 relay.test ESMTP\r\n")
    one.heard(b"QUIT\r\n", is_secret=False)
    one.said(b"221 2.0.0 bye\r\n")
    one.ends("QUIT")

    assert "left without a word: a monitor or a port scan" == reading_of(Story.of(one))
    assert ["QUIT"] == Story.of(one).verbs


def test_a_login_that_is_wrong_behind_mail_that_was_taken() -> None:
    """The same words as for one at the beginning; what cannot be read is something else."""
    said = (*MAIL, "< 250 2.1.0 ok", "> AUTH PLAIN AGEAYg==", "< 535 5.7.8 no")

    assert reading_of(story(*said, n_accepted=1)).startswith("wrong name or password")
    assert reading_of(story(*said[:-1], "< 501 5.5.2 no", n_accepted=1)).startswith(
        "its login could not be read"
    )
