"""Whether client submission lets the relay in, and takes its senders as far as that shows before the content.

Send As is judged by Exchange at the final dot as a rule (554 5.2.252), so that only a sent mail proves it; what is
refused at MAIL (550 5.7.60) is seen here. (Microsoft: "Improvements in SMTP AUTH client submission"; its texts stand
in the catalogue)
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from relay365.setup.tries.answer import Answer, refused, unreachable
from relay365.setup.tries.conversation import Conversation, Refused

REACHED, SIGNED_IN, SENDER = "SMTP and TLS", "sign-in by SMTP", "sender"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and how: endpoint as host and port, our name, the TLS context."""

    host: str
    port: int
    helo: str
    context: ssl.SSLContext


def try_submission(desk: Desk, mailbox: str, token: str, senders: Sequence[str]) -> list[Answer]:
    """One answer for each step up to the first that is not good: reached, signed in, then each sender.

    Nothing is sent: each envelope ends with RSET. The recipient is the mailbox itself.
    """
    answers: list[Answer] = []
    who = f"{desk.host}:{desk.port}"
    try:
        with Conversation(desk.host, desk.port, desk.helo, desk.context) as talk:
            answers.append(Answer(REACHED, True, f"{who}, {talk.tls}, certificate verified"))
            answers.append(Answer(SIGNED_IN, True, talk.sign_in(mailbox, token)))
            answers.extend(_sender(talk, sender, mailbox) for sender in senders)
    except Refused as error:
        name = SIGNED_IN if answers else REACHED
        answers.append(refused(name, error.text, "smtp"))
    except (OSError, smtplib.SMTPException) as error:
        do = f"open port {desk.port} to {desk.host} in the firewall, or set ca_file where a proxy looks into TLS"
        answers.append(unreachable(SIGNED_IN if answers else REACHED, who, error, do))
    return answers


def _sender(talk: Conversation, sender: str, recipient: str) -> Answer:
    try:
        talk.envelope(sender, recipient)
    except Refused as error:
        return refused(f"{SENDER} {sender}", error.text, "smtp")
    return Answer(
        f"{SENDER} {sender}", True, "taken at MAIL; Exchange judges Send As for good at the end of a mail"
    )
