"""The living state of the pretended tenant: its settings as they are now, and what each mailbox has used of its
limits.
"""

from __future__ import annotations

from typing import Any

from relay365.clock import Clock
from relay365.emulator.folder import Identity
from relay365.emulator.scenario import Application, Limits, Mailbox, Scenario, Tenant, changed
from relay365.emulator.window import DAY_S, MINUTE_S, MODELS, PenaltyBox, Sliding, Window


class MailboxState:
    """One mailbox: its settings, its windows, its senders at the moment, its penalty box, and its highest marks."""

    def __init__(self, settings: Mailbox, tenant: Tenant, clock: Clock) -> None:
        self.settings = settings
        self.n_sending = 0
        self.most_parallel = 0
        self.most_in_a_minute = 0
        self.n_accepted = 0
        self.n_refused = 0
        self._clock = clock
        self._seen = Sliding(2**62, MINUTE_S)
        self.minute: Window = _minute(settings.limits)
        self.day = Sliding(settings.limits.recipients_per_day, DAY_S)
        self.box = PenaltyBox(tenant.penalty_after, tenant.penalty_within_s, tenant.penalty_s)

    def __repr__(self) -> str:
        return f"<MailboxState {self.settings.address} sending={self.n_sending} accepted={self.n_accepted}>"

    def begin_sending(self) -> bool:
        """A content begins; False says that this is one sender too many. end_sending() must follow in both cases."""
        self.n_sending += 1
        self.most_parallel = max(self.most_parallel, self.n_sending)
        return self.n_sending <= self.settings.limits.parallel

    def end_sending(self) -> None:
        """The content has its answer, or its connection is gone."""
        self.n_sending -= 1

    def take(self, n_recipients: int) -> None:
        """A message was accepted."""
        now = self._clock.mono()
        self.minute.take(now)
        self.day.take(now, n_recipients)
        self._seen.take(now)
        self.most_in_a_minute = max(self.most_in_a_minute, self._seen.used(now))
        self.n_accepted += 1

    def may_send_as(self, address: str) -> bool:
        """Whether an address is its own, or one that it has Send As on."""
        mine = self.settings
        return address.lower() in {one.lower() for one in (mine.address, *mine.aliases, *mine.send_as)}

    def forget_usage(self) -> None:
        """Begin with empty windows and an open penalty box."""
        limits = self.settings.limits
        self.minute, self.day = _minute(limits), Sliding(limits.recipients_per_day, DAY_S)
        self.box.open()

    def change(self, changes: dict[str, Any]) -> None:
        """Change settings; windows whose limit changes begin empty. Raises ValueError with the reason."""
        if "address" in changes:
            raise ValueError("address: a mailbox keeps its address")
        before, self.settings = self.settings.limits, changed(self.settings, changes)
        after = self.settings.limits
        if (before.per_minute, before.minute) != (after.per_minute, after.minute):
            self.minute = _minute(after)
        if before.recipients_per_day != after.recipients_per_day:
            self.day = Sliding(after.recipients_per_day, DAY_S)

    def view(self) -> dict[str, Any]:
        """The mailbox for the control API."""
        now = self._clock.mono()
        used = {
            "sending": self.n_sending, "minute": self.minute.used(now), "recipients_24_h": self.day.used(now),
            "penalty": self.box.locked(now) or None,
        }  # fmt: skip
        return {**self.settings.model_dump(mode="json"), "now": used}


class Directory:
    """Tenant, application and mailboxes."""

    def __init__(
        self, scenario: Scenario, mailboxes: tuple[Mailbox, ...], identity: Identity, clock: Clock
    ) -> None:
        self.tenant: Tenant = scenario.tenant
        self.application: Application = scenario.application
        self.identity = identity
        self._clock = clock
        self._mailboxes = {one.address.lower(): MailboxState(one, self.tenant, clock) for one in mailboxes}

    def mailboxes(self) -> list[MailboxState]:
        """All of them, in the scenario's order."""
        return list(self._mailboxes.values())

    def mailbox(self, address: str) -> MailboxState | None:
        """The mailbox with this primary address; aliases are no user names."""
        return self._mailboxes.get(address.lower())

    def is_tenant(self, name: str) -> bool:
        """Whether a name is the tenant's domain or id."""
        return name.lower() in (self.tenant.domain.lower(), self.identity.tenant_id)

    def smtp_auth_switch(self, mailbox: Mailbox) -> str:
        """Which switch forbids SMTP AUTH for it: "tenant", "mailbox", or "" (Set-CASMailbox, null inherits)."""
        if mailbox.smtp_auth is None:
            return "" if self.tenant.smtp_auth else "tenant"
        return "" if mailbox.smtp_auth else "mailbox"

    def is_unknown_recipient(self, address: str) -> bool:
        """Whether an address or its domain was named as not existing."""
        named = {one.lower().lstrip("@") for one in self.tenant.unknown_recipients}
        return address.lower() in named or address.lower().rpartition("@")[2] in named

    def change_tenant(self, changes: dict[str, Any]) -> None:
        """Change tenant settings; new terms of the penalty box begin with empty boxes. Raises ValueError with the
        reason.
        """
        if "domain" in changes:
            raise ValueError("domain: a tenant keeps its domain")
        self.tenant = changed(self.tenant, changes)
        new_terms = any(key.startswith("penalty") for key in changes)
        for mailbox in self._mailboxes.values() if new_terms else ():
            mailbox.box = PenaltyBox(
                self.tenant.penalty_after, self.tenant.penalty_within_s, self.tenant.penalty_s
            )

    def change_application(self, changes: dict[str, Any]) -> None:
        """Change application settings; raises ValueError with the reason."""
        self.application = changed(self.application, changes)


def _minute(limits: Limits) -> Window:
    return MODELS[limits.minute](limits.per_minute, MINUTE_S)
