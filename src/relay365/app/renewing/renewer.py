"""Renewer: the running relay renews the certificates of its applications, where the file says `renew = true`.

Once, thirty days before the end, with the old certificate valid until its own. What would keep it from that is found
out at the start, not two years later; what fails is said, alarmed (app.watching shows it as an end) and tried again.
Steps that ask Microsoft run in threads that nobody waits for when the relay stops.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from relay365.app.live.build import Build
from relay365.app.renewing.steps import Rotation
from relay365.clock import Clock
from relay365.config import Account
from relay365.routes.identity.source import aside
from relay365.setup.keys import AppKey
from relay365.setup.rotation import NotRotated

_LOG = logging.getLogger("relay365")

DAY_S = 86_400.0
AHEAD_S = 30 * DAY_S
ROUND_S = 3_600.0
AGAIN_S = 6 * 3_600.0  # after one that failed: a month has room for many
PROVE_S = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 120.0, 120.0, 180.0)  # Entra learns within minutes


@dataclass(slots=True)
class Renewer:
    """One per relay. build: what holds now. troubles: by route, why its certificate does not renew itself.

    changed: told when a certificate or a trouble is another one.
    """

    build: Callable[[], Build]
    clock: Clock
    changed: Callable[[], None]
    troubles: MutableMapping[str, str] = field(default_factory=dict)
    _again_mono: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Look once an hour, until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """Look at every route that renews itself; one certificate of several routes is renewed once."""
        seen = set()
        rotations = list(self._rotations())
        for name in [name for name in self.troubles if name not in {one.name for one in rotations}]:
            del self.troubles[name]
        for one in rotations:
            if one.file not in seen and self.clock.mono() >= self._again_mono.get(one.name, 0.0):
                seen.add(one.file)
                await self._care(one)

    async def _care(self, one: Rotation) -> None:
        try:
            present = (await _step(one.present))["value"]
            if present.ends_at - self.clock.now() > AHEAD_S:
                hindrance = await asyncio.to_thread(_hindrance, one)
                self._note(one, hindrance)
                return
            await self._renew(one, present)
        except NotRotated as error:
            self._again_mono[one.name] = self.clock.mono() + AGAIN_S
            self._note(one, error)

    async def _renew(self, one: Rotation, present: AppKey) -> None:
        """Raises NotRotated."""
        now = self.clock.now()
        fresh = (await _step(lambda: one.following(present, _host(), now)))["value"]
        if not (await _step(lambda: one.ask_with(fresh)))["value"].good:
            await _step(lambda: one.add(present, fresh, one.registration(), now))
            await self._prove(one, fresh)
        await _step(lambda: one.take_over(present, fresh))
        self.troubles.pop(one.name, None)
        self.changed()
        _LOG.warning("credential.renewed route=%s certificate=%r", one.name, fresh.name)

    async def _prove(self, one: Rotation, fresh: AppKey) -> None:
        answer = None
        for wait_s in PROVE_S:
            await asyncio.sleep(wait_s)
            answer = (await _step(lambda: one.ask_with(fresh)))["value"]
            if answer.good:
                return
        text = answer.text if answer is not None else ""
        raise NotRotated(f"the new certificate gets no token: {text}", "Entra does not know it yet", "")

    def _note(self, one: Rotation, trouble: NotRotated | None) -> None:
        """Say what is new."""
        words = f"{trouble.what}: {trouble.why}" if trouble is not None else ""
        if words == self.troubles.get(one.name, ""):
            return
        self.troubles.pop(one.name, None)
        if words:
            self.troubles[one.name] = words
            _LOG.error("credential.not-renewed route=%s reason=%r", one.name, words)
        self.changed()

    def _rotations(self) -> Iterator[Rotation]:
        build = self.build()
        for name, table in zip(build.config.route_names(), build.config.route, strict=True):
            if isinstance(table, Account) and table.renew:
                yield Rotation(name, table, build.site)


def renews_at(table: Account, ends_at: float) -> float | None:
    """When the relay renews a certificate that ends then; None where it does not."""
    return ends_at - AHEAD_S if table.renew else None


def _hindrance(one: Rotation) -> NotRotated | None:
    """What would keep it from renewing itself, as far as it can be seen long before. Reads files."""
    file = one.file
    if file is not None and not os.access(file.parent, os.W_OK):
        return NotRotated(f"{file.parent} cannot be written", "the next certificate is put there", "")
    if not one.registration():
        return NotRotated(
            "the object id of the app registration is not known", "the [[route]] has no registration", ""
        )
    return None


async def _step(work: Callable[[], Any]) -> dict[str, Any]:
    """One step aside; gives its value, and raises the NotRotated that it raised."""

    def guarded() -> dict[str, Any]:
        try:
            return {"value": work()}
        except NotRotated as error:
            return {"error": error}

    found = await aside(guarded)
    if "error" in found:
        raise found["error"]
    return found


def _host() -> str:
    return socket.gethostname().partition(".")[0] or "relay"
