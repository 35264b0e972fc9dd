"""SMTP AUTH client submission: smtp.office365.com:587, STARTTLS, XOAUTH2 or, while it lives, a password.

One lane per sending mailbox. Microsoft allows a mailbox 3 connections and 30 messages a minute (Microsoft:
"Improvements in SMTP AUTH client submission"); we use 2 and 30, so that a user's own client still has room. The token
may be the application's, or that of a person who may send as the mailbox.
(Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth", read 2026-11)
"""

from __future__ import annotations

from relay365.routes.wire.route import WireRoute


class Submission(WireRoute):
    """One sending mailbox of one tenant."""

    kind = "submission"
