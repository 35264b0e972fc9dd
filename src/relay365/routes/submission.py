"""SMTP AUTH client submission: smtp.office365.com:587, STARTTLS, XOAUTH2 or, while it lives, a password.

One lane per sending mailbox. Microsoft allows a mailbox 3 connections and 30 messages a minute (Microsoft:
"Improvements in SMTP AUTH client submission"); we use 2 and 30, so that a user's own client still has room. The token
may be the application's, or that of a person who may send as the mailbox.

Who signs in sends as somebody: the null reverse-path is refused as a sender that is not the mailbox's. So a report of
ours, or what a device sends as nobody, has the mailbox as its reverse-path here.
(Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth", read 2026-11)
"""

from __future__ import annotations

from relay365.routes.api import LaneLimits
from relay365.routes.wire.route import Wire, WireRoute


class Submission(WireRoute):
    """One sending mailbox of one tenant; what nobody sends is the mailbox's."""

    kind = "submission"

    def __init__(self, name: str, wire: Wire, limits: LaneLimits, mailbox: str) -> None:
        super().__init__(name, wire, limits, mailbox, nobody=mailbox)
