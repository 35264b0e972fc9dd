"""The tenant's limits of external recipients in any 24 hours: by its licences, and for senders at onmicrosoft.com.

Microsoft accepts such a message and reports it later, so nothing here refuses: it says which row a recipient fails
with. Reports (null reverse-path), High Volume Email and Azure's email service are not counted.
(Message Center MC1023294, MC1143991; "Email non-delivery reports in Exchange Online", 5.7.232, 5.7.233, 5.7.236)
"""

from __future__ import annotations

import math

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.window import DAY_S, Sliding

TRIAL_LIMIT = 5_000
UNCOUNTED = frozenset({"hve", "acs"})


def limit_of(licences: int) -> int:
    """500 times licences to the power of 0.7, plus 9,500; one licence makes 10,000."""
    return round(500 * math.pow(licences, 0.7) + 9500)


class ExternalLimits:
    """The two windows of one tenant."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory, self._clock = directory, clock
        self._all = Sliding(TRIAL_LIMIT, DAY_S)
        self._moera = Sliding(TRIAL_LIMIT, DAY_S)

    def count(self, service: str, sender: str, recipient: str) -> str:
        """Count one recipient; gives the row that it fails with, or ""."""
        directory = self._directory
        if service in UNCOUNTED or not sender or directory.is_internal(recipient):
            return ""
        now, tenant = self._clock.mono(), directory.tenant
        self._moera.limit, self._all.limit = tenant.moera_per_day, self.limit()
        is_moera = directory.is_moera(sender)
        if is_moera and self._moera.wait_s(now):
            return "moera-external"
        if self._all.wait_s(now):
            return "trial-external" if tenant.trial else "tenant-external"
        self._all.take(now)
        if is_moera:
            self._moera.take(now)
        return ""

    def limit(self) -> int:
        """External recipients that the tenant may have in 24 hours."""
        tenant = self._directory.tenant
        if tenant.external_per_day is not None:
            return tenant.external_per_day
        return TRIAL_LIMIT if tenant.trial else limit_of(tenant.licences)

    def used(self) -> int:
        """How many of them are used."""
        return self._all.used(self._clock.mono())

    def clear(self) -> None:
        """Begin with empty windows."""
        self._all, self._moera = Sliding(TRIAL_LIMIT, DAY_S), Sliding(TRIAL_LIMIT, DAY_S)
