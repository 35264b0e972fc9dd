"""A desk: a configuration with a queue in it, and the command line in front of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes.claims import claim_due
from fakes.desk import SigningDesk
from fakes.identity import TokenService
from relay365.cli.main import main
from relay365.clock import SystemClock
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.spool.api import Fate, LaneNote, NewMessage, Settlement, State
from relay365.spool.sqlite import SqliteSpool

LANE = "smarthost"
CONFIG = """\
[server]
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:2626"
tls = "none"
"""
THROTTLED = "432 4.3.2 Concurrent connections limit exceeded"


@dataclass
class Desk:
    """Runs commands in its own directory; ids holds the messages that fill() made, by what became of them."""

    directory: Path
    ids: dict[str, str]

    def run(self, *arguments: str, stdin: str = "") -> Result:
        """One command with this desk's configuration."""
        return CliRunner().invoke(
            main, [*arguments, "--config", "relay365.toml"], input=stdin, prog_name="relay365"
        )

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        """The JSON objects that a command prints."""
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def spool(self, work: Callable[[SqliteSpool], Any]) -> Any:
        """Do something as the service would."""

        async def opened() -> Any:
            spool = await SqliteSpool.open(self.directory / "data", clock=SystemClock())
            try:
                return await work(spool)
            finally:
                await spool.close()

        return asyncio.run(opened())

    def fill(self) -> None:
        """Four messages: one waits throttled, one failed, one is held, one is delivered; and the lane's note."""
        self.spool(self._fill)

    async def _fill(self, spool: SqliteSpool) -> None:
        now = SystemClock().now()
        throttled = Outcome(
            Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, None, THROTTLED, "too-many-connections"
        )
        refused = Outcome(
            Kind.FAILED, Scope.RECIPIENT, Class.MESSAGE, None, "550 5.1.1 no", "no-such-recipient"
        )
        stopped = Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.SENDER, None, "599 \x1b[31mred", "")
        fates = {
            "waiting": (State.QUEUED, throttled),
            "failed": (State.FAILED, refused),
            "held": (State.HELD, stopped),
            "delivered": (State.DELIVERED, Outcome(Kind.DELIVERED, reply_text="250 2.0.0 OK")),
        }
        for name, (state, outcome) in fates.items():
            self.ids[name] = await self._accept(spool, name, now)
            (claim,) = await claim_due(spool, LANE, limit=1, now=now + 1, lease_until_at=now + 60)
            fate = Fate(0, state, outcome, next_attempt_at=now + 3600)
            await spool.settle([Settlement(claim.spool_id, claim.lease, (fate,))])
        await spool.note_lane(LaneNote(LANE, "", "rate-limit", "too-many-connections", now, now + 60, now))

    async def _accept(self, spool: SqliteSpool, name: str, now: float) -> SpoolId:
        intake = spool.begin()
        intake.write(b"Subject: x\r\n\r\nhello\r\n")
        envelope = Envelope("scan@contoso.com", (ForwardPath(f"{name}@fabrikam.com"),))
        facts = SubmitterFacts("lan", "192.168.10.31")
        await intake.commit(
            NewMessage(envelope, facts, LANE, now, now + 86_400, message_id=f"<{name}@device>")
        )
        return intake.spool_id


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty desk; the working directory is its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY365_CONFIG", raising=False)
    (tmp_path / "relay365.toml").write_text(CONFIG, "utf-8")
    return Desk(tmp_path, {})


@pytest.fixture
def full_desk(desk: Desk) -> Desk:
    """A desk with four messages."""
    desk.fill()
    return desk


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TokenService]:
    """A token service on loopback."""
    with TokenService(tmp_path / "tls").running() as running:
        yield running


@pytest.fixture
def signing_desk(tmp_path: Path, service: TokenService) -> SigningDesk:
    """A desk whose routes sign in there."""
    return SigningDesk(tmp_path, service)
