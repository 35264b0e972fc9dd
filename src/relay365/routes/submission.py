"""SMTP AUTH client submission: smtp.office365.com:587, STARTTLS, XOAUTH2 or, while it lives, a password.

One lane per sending mailbox. Microsoft allows a mailbox 3 connections and 30 messages a minute (Microsoft:
"Improvements in SMTP AUTH client submission"); we use 2 and 30, so that a user's own client still has room. The token
may be the application's, or that of a person who may send as the mailbox.

Who signs in sends as somebody: the null reverse-path is refused as a sender that is not the mailbox's. So a report of
ours, or what a device sends as nobody, has the mailbox as its reverse-path here; Auto-Submitted keeps loops away.
(Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth", read 2026-11)
"""

from __future__ import annotations

from dataclasses import replace

from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment
from relay365.routes.wire.route import WireRoute


class Submission(WireRoute):
    """One sending mailbox of one tenant."""

    kind = "submission"

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """See routes.api.Route."""
        if not consignment.envelope.reverse_path:
            envelope = replace(consignment.envelope, reverse_path=self.mailbox)
            consignment = replace(consignment, envelope=envelope)
        return await super().deliver(consignment)
