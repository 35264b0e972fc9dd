"""Readings: what a session means, in plain words, as a table. The first row that fits is the reading.

Pure, and apart from the transcript so that each row can be tested alone and read by whoever asks why a device fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from relay365.engine.blackbox.dialogue import (
    CLIENT,
    NOTE,
    RELAY,
    SSL2_HELLO,
    TLS_HELLO,
    WEB_REQUEST,
    Line,
    lines_of,
)
from relay365.engine.blackbox.recording import HUNG_UP, Recording

REMARK = "! "
TIMED_OUT = "421 4.4.2"
STOPPED = "421 4.3.2"
OUR_FAULT = "421 4.3.0"


@dataclass(frozen=True, slots=True)
class Story:
    """What a reading may look at; reason and the rest as in Recording."""

    lines: tuple[Line, ...]
    reason: str = ""
    tls: str = ""
    login: str = ""
    n_accepted: int = 0
    is_in_content: bool = False
    seems_over: bool = False

    @classmethod
    def of(cls, recording: Recording) -> Story:
        """The story of a recording, as far as it has come."""
        facts = recording.facts
        return cls(
            tuple(lines_of(recording)),
            recording.reason,
            facts.tls if facts else "",
            facts.login if facts else "",
            recording.tally.n_accepted,
            recording.is_in_content,
            recording.seems_over,
        )

    @property
    def verbs(self) -> list[str]:
        """The client's verbs in order."""
        return [line.verb for line in self.lines if line.who == CLIENT and line.verb]

    @property
    def last(self) -> str:
        """The last thing that the client said, QUIT apart."""
        return next((verb for verb in reversed(self.verbs) if verb != "QUIT"), "")

    @property
    def reply(self) -> str:
        """Our last reply before QUIT and before the reply that ended the session."""
        said = [line.text for line in self.lines if line.who == RELAY]
        if self.reason == "QUIT" or (said and said[-1] == self.reason):
            said = said[:-1]
        return said[-1] if said else ""

    @property
    def first_no(self) -> str:
        """The first negative reply, where commands came in one go and the last says nothing."""
        return next((one.text for one in self.lines if one.who == RELAY and one.text[:1] in ("4", "5")), "")

    @property
    def left(self) -> bool:
        """Whether the client went by itself."""
        return self.reason in (HUNG_UP, "QUIT")

    @property
    def offered(self) -> str:
        """The mechanisms of the last AUTH line that we said to EHLO."""
        return self._keyword("AUTH ")

    @property
    def has_starttls(self) -> bool:
        """Whether STARTTLS was offered."""
        return any(line.text[4:] == "STARTTLS" for line in self.lines if line.who == RELAY)

    @property
    def remark(self) -> str:
        """What the host said about the connection last, if nothing but STARTTLS was the last word before it."""
        if self.last not in ("", "STARTTLS"):
            return ""
        found = [line.text for line in self.lines if line.who == NOTE and line.text.startswith(REMARK)]
        return found[-1].removeprefix(REMARK) if found else ""

    @property
    def said_password(self) -> bool:
        """Whether a password stood behind an AUTH PLAIN, where everybody on the way could read it."""
        return any(line.who == CLIENT and line.text.startswith("AUTH PLAIN (secret") for line in self.lines)

    def refusal(self, *verbs: str) -> str:
        """The last negative reply, where the last thing said was one of these verbs."""
        return self.reply if self.last in verbs and self.reply[:1] in ("4", "5") else ""

    def _keyword(self, keyword: str) -> str:
        found = [
            line.text[4:] for line in self.lines if line.who == RELAY and line.text[4:].startswith(keyword)
        ]
        return found[-1].removeprefix(keyword) if found else ""


class Reading(NamedTuple):
    """One row. fits: whether it is this; words: what is said, with names of reading_of() filled in."""

    name: str
    fits: Callable[[Story], bool]
    words: str


READINGS = (
    Reading(
        "open", lambda s: not s.reason and not s.seems_over and not s.remark,
        "still here",
    ),
    Reading(
        "remark", lambda s: s.remark != "" and not s.n_accepted,
        "{remark}",
    ),
    Reading(
        "tls-on-plain", lambda s: TLS_HELLO in s.verbs,
        'began TLS at once on a plain port: set it to STARTTLS, or give it a listener with tls = "implicit"',
    ),
    Reading(
        "sslv2", lambda s: SSL2_HELLO in s.verbs,
        "began with an SSLv2 hello, which is too old for any listener: switch SSL/TLS off there",
    ),
    Reading(
        "web", lambda s: WEB_REQUEST in s.verbs,
        "is no mail client: it sent a web request",
    ),
    Reading(
        "bare-lf", lambda s: s.seems_over,
        "ended its message with bare LF and waits: set tolerate = {{ bare_lf_ends_data = true }} for this device",
    ),
    Reading(
        "cut-in-content", lambda s: s.is_in_content and s.left,
        "hung up in the middle of a message; nothing of it was taken",
    ),
    Reading(
        "silent-in-content", lambda s: s.is_in_content,
        "fell silent in the middle of a message; nothing of it was taken",
    ),
    Reading(
        "message-refused", lambda s: s.refusal(".") != "",
        "the message was not taken: {reply}",
    ),
    Reading(
        "recipient-refused", lambda s: s.refusal("RCPT") != "",
        "the recipient was refused: {reply}",
    ),
    Reading(
        "needs-tls", lambda s: "STARTTLS" in s.refusal("MAIL", "AUTH", "RCPT"),
        "must use STARTTLS here: switch it on in the device",
    ),
    Reading(
        "needs-login", lambda s: s.refusal("MAIL").startswith("530"),
        "no login is set in the device, and a login is needed here: {reply}",
    ),
    Reading(
        "sender-refused", lambda s: s.refusal("MAIL") != "",
        "refused: {reply}",
    ),
    Reading(
        "login-wrong", lambda s: s.refusal("AUTH", "(secret)").startswith("535")
        or (s.first_no.startswith("535") and not s.login and not s.n_accepted),
        "wrong name or password: relay365 user add NAME gives the login a new one",
    ),
    Reading(
        "password-in-clear", lambda s: s.refusal("AUTH").startswith("538") and s.said_password,
        "said its password in clear: switch STARTTLS on and change it, or set tolerate = {{ auth_in_clear = true }}",
    ),
    Reading(
        "login-in-clear", lambda s: s.refusal("AUTH").startswith("538"),
        "wanted to say its password in clear: switch STARTTLS on there, or set tolerate = {{ auth_in_clear = true }}",
    ),
    Reading(
        "login-not-offered", lambda s: s.refusal("AUTH").startswith(("502", "504")),
        "wanted a login that is not offered here: {reply}",
    ),
    Reading(
        "login-unreadable", lambda s: s.refusal("AUTH", "(secret)") != "",
        "its login could not be read: {reply}",
    ),
    Reading(
        "left-at-prompt", lambda s: s.left and s.reply.startswith("334 "),
        "left at our prompt for the login: this client wants another way to log in than {offered}",
    ),
    Reading(
        "messages", lambda s: s.n_accepted > 0,
        "gave {n}",
    ),
    Reading(
        "refused-at-once", lambda s: not s.verbs and s.reason[:1] in ("4", "5") and not s.reason.startswith(TIMED_OUT),
        "refused at the greeting: {reason}",
    ),
    Reading(
        "silent", lambda s: not s.verbs and s.reason.startswith(TIMED_OUT),
        "never said anything: it may wait for TLS on a plain port, or hold a line open",
    ),
    Reading(
        "no-word", lambda s: not s.last,
        "left without a word: a monitor or a port scan",
    ),
    Reading(
        "stopped", lambda s: s.reason.startswith(STOPPED),
        "was told to come again: the relay was stopping",
    ),
    Reading(
        "fault", lambda s: s.reason.startswith(OUR_FAULT),
        "was told to come again after a fault of the relay: see session.failed in the log",
    ),
    Reading(
        "fell-silent", lambda s: s.reason.startswith(TIMED_OUT),
        "fell silent after {last}",
    ),
    Reading(
        "told-off", lambda s: s.reason[:1] in ("4", "5"),
        "was sent away: {reason}",
    ),
    Reading(
        "logged-in-only", lambda s: s.login != "" and s.last in ("AUTH", "(secret)"),
        "logged in and left: a test of its settings",
    ),
    Reading(
        "no-login-set", lambda s: s.last == "EHLO" and s.offered != "",
        "left after we offered AUTH {offered}: no login is set in the device",
    ),
    Reading(
        "login-behind-tls", lambda s: s.last == "EHLO" and s.has_starttls and not s.tls,
        "left after EHLO: it may want to log in, which is offered only behind STARTTLS",
    ),
    Reading(
        "no-login-here", lambda s: s.last in ("EHLO", "HELO"),
        "left after {last}: it may want a login or STARTTLS, and neither is offered here",
    ),
    Reading(
        "left-after-tls", lambda s: s.last == "STARTTLS" and s.tls != "",
        "left as soon as TLS stood: it may not trust our certificate",
    ),
    Reading(
        "no-command", lambda s: all(verb in ("(unknown)", "(empty)") for verb in s.verbs),
        "is no mail client: it said no command of SMTP",
    ),
    Reading(
        "refused", lambda s: s.first_no != "",
        "refused: {first_no}",
    ),
    Reading(
        "left", lambda s: True,
        "left after {last} without sending",
    ),
)  # fmt: skip


def reading_of(story: Story) -> str:
    """The reading of a session in plain words."""
    row = next(row for row in READINGS if row.fits(story))
    n = story.n_accepted
    return row.words.format(
        reply=story.reply, last=story.last, offered=story.offered, reason=story.reason, remark=story.remark,
        first_no=story.first_no, n=f"{n} message{'s' * (n != 1)}",
    )  # fmt: skip
