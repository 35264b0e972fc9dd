"""The living state of the pretended tenant: its settings as they are now, and what each mailbox has used of its
limits.
"""

from __future__ import annotations

from typing import Any

from relay365.clock import Clock
from relay365.emulator.folder import Identity
from relay365.emulator.scenario import (
    Application,
    Connector,
    Graph,
    HveAccount,
    Limits,
    Mailbox,
    Scenario,
    Tenant,
    changed,
)
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
        self.graph: Graph = scenario.graph
        self.identity = identity
        self._clock = clock
        self.connectors: tuple[Connector, ...] = scenario.connectors()
        self.hve, self.acs = scenario.hve, scenario.acs
        self.hve_accounts: dict[str, HveAccount] = {}
        self.set_hve_accounts(scenario.hve_accounts())
        self._mailboxes = {one.address.lower(): MailboxState(one, self.tenant, clock) for one in mailboxes}

    def mailboxes(self) -> list[MailboxState]:
        """All of them, in the scenario's order."""
        return list(self._mailboxes.values())

    def mailbox(self, address: str) -> MailboxState | None:
        """The mailbox with this primary address; aliases are no user names."""
        return self._mailboxes.get(address.lower())

    def owner(self, address: str) -> MailboxState | None:
        """The mailbox that an address belongs to: its primary address, or one of its aliases."""
        name = address.lower()
        for mailbox in self._mailboxes.values():
            if name in (mailbox.settings.address.lower(), *map(str.lower, mailbox.settings.aliases)):
                return mailbox
        return None

    def accepted_domains(self) -> tuple[str, ...]:
        """The tenant's domains: its own, the one that Microsoft gave it (MOERA), and further ones."""
        further = tuple(one.lower() for one in self.tenant.accepted_domains)
        return (self.tenant.domain.lower(), self.moera, *further)

    @property
    def moera(self) -> str:
        """The domain that every tenant has: its first label at onmicrosoft.com."""
        return self.tenant.domain.lower().partition(".")[0] + ".onmicrosoft.com"

    def is_moera(self, address: str) -> bool:
        """Whether an address is at onmicrosoft.com."""
        return domain_of(address) == self.moera

    def is_internal(self, address: str) -> bool:
        """Whether an address is in an accepted domain."""
        return domain_of(address) in self.accepted_domains()

    def knows(self, address: str) -> bool:
        """Whether the directory has a recipient of an accepted domain (directory-based edge blocking)."""
        if self.is_unknown_recipient(address):
            return False
        listed = {one.lower() for one in self.tenant.recipients}
        is_listed = address.lower() in listed or f"@{domain_of(address)}" in listed
        return is_listed or self.owner(address) is not None or self.hve_account(address) is not None

    def set_hve_accounts(self, accounts: tuple[HveAccount, ...]) -> None:
        """The High Volume Email accounts from now on."""
        self.hve_accounts = {one.address.lower(): one for one in accounts}

    def hve_account(self, address: str) -> HveAccount | None:
        """The High Volume Email account with this address."""
        return self.hve_accounts.get(address.lower())

    def change_connectors(self, tables: list[dict[str, Any]]) -> None:
        """Other connectors in place of those that are; raises ValueError with the reason."""
        self.connectors = tuple(changed(Connector(), one) for one in tables)

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
        return address.lower() in named or domain_of(address) in named

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

    def change_graph(self, changes: dict[str, Any]) -> None:
        """Change settings of Graph; raises ValueError with the reason."""
        self.graph = changed(self.graph, changes)


def domain_of(address: str) -> str:
    """The domain of an address, in small letters; "" where it has none."""
    return address.lower().rpartition("@")[2] if "@" in address else ""


def _minute(limits: Limits) -> Window:
    return MODELS[limits.minute](limits.per_minute, MINUTE_S)
