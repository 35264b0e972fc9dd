"""The smart host route: any SMTP server as next hop; a hybrid Exchange, a provider, a test sink."""

from __future__ import annotations

from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.line import Remote, SignIn
from relay365.routes.pool import Judges, Pool
from relay365.smtp.client import ClientSession


class PasswordSignIn:
    """AUTH LOGIN, or PLAIN where only that is offered."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password

    def __repr__(self) -> str:
        return f"<PasswordSignIn {self._user}>"

    async def begin(self, machine: ClientSession) -> None:
        """Queue AUTH; see routes.line.SignIn."""
        if machine.offers_auth("PLAIN") and not machine.offers_auth("LOGIN"):
            machine.auth_plain(self._user, self._password)
        else:
            machine.auth_login(self._user, self._password)

    def refused(self) -> None:
        """Nothing is cached."""


class Smarthost:
    """One next hop."""

    kind = "smarthost"

    def __init__(
        self, name: str, remote: Remote, judges: Judges, *, sign_in: SignIn | None, limits: LaneLimits
    ) -> None:
        self.name = self.lane = name
        self.limits = limits
        self._pool = Pool(remote, sign_in, judges)

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """See routes.api.Route."""
        return await self._pool.deliver(consignment)

    async def close(self) -> None:
        """See routes.api.Route."""
        await self._pool.close()
