"""A data directory with mail of three days, and its history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes.claims import claim_due
from fakes.clock import FakeClock
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.spool.api import Fate, NewMessage, Settlement, State
from relay365.spool.history.search import History
from relay365.spool.history.wanted import Wanted
from relay365.spool.later import Later, LaterFate
from relay365.spool.sqlite import SqliteSpool

LANE = "submission/scan@contoso.com"
DAY_S = 86_400.0
TAKEN = Outcome(Kind.DELIVERED, reply_text="250 2.0.0 OK <x> [Hostname=AM0PR04]", remote_id="<x@AM0PR04>")
THROTTLED = Outcome(
    Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, None, "432 4.3.2 Concurrent connections limit exceeded",
    "too-many-connections",
)  # fmt: skip
UNKNOWN = Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, "451 4.9.9 Something new")
REFUSED = Outcome(
    Kind.FAILED, Scope.RECIPIENT, Class.MESSAGE, None, "550 5.1.10 RecipientNotFound", "no-such-recipient"
)


@dataclass
class Past:
    """Three messages: one was throttled and delivered, one failed and is large, one waits. ids by their device."""

    directory: Path
    clock: FakeClock = field(default_factory=FakeClock)
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, question: Callable[[History], Coroutine[Any, Any, Any]]) -> Any:
        """One question to the history."""

        async def asked() -> Any:
            history = History(self.directory, self.clock)
            try:
                return await question(history)
            finally:
                await history.close()

        return asyncio.run(asked())

    def found(self, wanted: Wanted, limit: int = 100, **more: Any) -> list[str]:
        """The devices of the messages that are found, in their order."""
        names = {spool_id: name for name, spool_id in self.ids.items()}
        views = self.ask(lambda history: history.find(wanted, limit, **more))
        return [names[view.spool_id] for view in views]

    def spool(self, work: Callable[[SqliteSpool], Coroutine[Any, Any, Any]]) -> Any:
        """Do something as the service would."""

        async def opened() -> Any:
            spool = await SqliteSpool.open(self.directory, clock=self.clock)
            try:
                return await work(spool)
            finally:
                await spool.close()

        return asyncio.run(opened())

    async def fill(self, spool: SqliteSpool) -> None:
        """See the class."""
        await self.accept(spool, "copier", "Lena@Fabrikam.com", b"Subject: Scan from 2F\r\n\r\nhello\r\n")
        await self.settle(spool, State.QUEUED, THROTTLED)
        self.clock.at += 60.0
        await self.settle(spool, State.DELIVERED, TAKEN)
        self.clock.at += DAY_S
        large = b"Subject: =?utf-8?B?R3LDvG4=?=\r\n\r\n" + b"x" * 70 * 9000 + b"\r\n"
        await self.accept(spool, "ups-2", "max_1@contoso.com", large)
        await self.settle(spool, State.FAILED, REFUSED)
        self.clock.at += DAY_S
        await self.accept(spool, "fax", "it@contoso.com", b"Subject: alarm\r\n\r\nhello\r\n")
        await self.settle(spool, State.QUEUED, UNKNOWN)

    async def accept(self, spool: SqliteSpool, device: str, to: str, content: bytes) -> None:
        """One message of a device."""
        intake = spool.begin()
        intake.write(content)
        await intake.drained()
        envelope = Envelope("scan@contoso.com", (ForwardPath(to),))
        facts = SubmitterFacts("lan", "192.168.10.31", helo="KMBT", device=device)
        now = self.clock.now()
        await intake.commit(
            NewMessage(envelope, facts, LANE, now, now + 9 * DAY_S, message_id=f"<{device}@relay.test>")
        )
        self.ids[device] = intake.spool_id

    async def settle(self, spool: SqliteSpool, state: State, outcome: Outcome) -> None:
        """One attempt of what is due."""
        now = self.clock.now()
        (claim,) = await claim_due(spool, LANE, limit=1, now=now, lease_until_at=now + 60)
        await spool.settle([Settlement(claim.spool_id, claim.lease, (Fate(0, state, outcome, now + 30),))])

    def learn(self, device: str, detail: str) -> None:
        """Exchange says later that a delivered message failed."""
        fate = LaterFate(self.ids[device], 0, Later.FAILED, self.clock.now(), detail)  # type: ignore[arg-type]
        self.spool(lambda spool: spool.learn_fates([fate]))


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """See Past."""
    found = Past(tmp_path / "data")
    found.spool(found.fill)
    return found
