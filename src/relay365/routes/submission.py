"""SMTP AUTH client submission: smtp.office365.com:587, STARTTLS, XOAUTH2 or, while it lives, a password.

One lane per sending mailbox. Microsoft allows a mailbox 3 connections and 30 messages a minute (Microsoft:
"Improvements in SMTP AUTH client submission"); we use 2 and 30, so that a user's own client still has room.
(Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth", read 2026-11)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.line import Remote, SignIn
from relay365.routes.pool import Judges, Pool
from relay365.smtp.client import ClientSession

ONE_STEP_OCTETS = (
    12_000  # RFC 4954 4: a command line with AUTH may be 12,288 octets; longer goes in two steps
)


class TokenSignIn:
    """AUTH XOAUTH2 with a token that is fetched when it is needed."""

    def __init__(
        self,
        mailbox: str,
        token: Callable[[], Awaitable[str]],
        forget: Callable[[], None],
        *,
        one_step: bool = True,
    ) -> None:
        self._mailbox, self._token, self._forget, self._one_step = mailbox, token, forget, one_step

    def __repr__(self) -> str:
        return f"<TokenSignIn {self._mailbox}>"

    async def begin(self, machine: ClientSession) -> None:
        """Queue AUTH; raises TokenRefused."""
        token = await self._token()
        one_step = self._one_step and len(token) * 4 // 3 < ONE_STEP_OCTETS
        machine.auth_xoauth2(self._mailbox, token, one_step=one_step)

    def refused(self) -> None:
        """A refused token is not offered again."""
        self._forget()


class Submission:
    """One sending mailbox of one tenant."""

    kind = "submission"

    def __init__(
        self, name: str, mailbox: str, remote: Remote, judges: Judges, *, sign_in: SignIn, limits: LaneLimits
    ) -> None:
        self.name, self.mailbox = name, mailbox
        self.lane = f"{name}/{mailbox}"
        self.limits = limits
        self._pool = Pool(remote, sign_in, judges)

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """See routes.api.Route."""
        return await self._pool.deliver(consignment)

    async def close(self) -> None:
        """See routes.api.Route."""
        await self._pool.close()
