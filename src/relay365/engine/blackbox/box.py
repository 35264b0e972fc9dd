"""BlackBox: all clients that were heard, bounded in number, and written to the archive once a second.

Sessions hand themselves over on the loop, which costs next to nothing; they are made readable in a thread of its own,
at most WRITES_AT_ONCE clients at a time and WRITE_SHARE of the thread's time, so that a thousand sessions a second cost
no more than a few; where a file takes long to write, its next writing waits in proportion.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from relay365.clock import Clock
from relay365.engine.blackbox.archive import Archive, Order, key_of
from relay365.engine.blackbox.gateway import Teller
from relay365.engine.blackbox.heard import Heard, closed
from relay365.engine.blackbox.recording import Recording
from relay365.engine.blackbox.upstream import Upstream
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.tolerance import TOLERANCES
from relay365.rules.client import Client

LOOK_S = 1.0
WRITES_AT_ONCE = 20
WRITE_SHARE = 0.015  # of the time, for all of them: the thread takes it from the loop
MOST_CLIENTS = 200
MOST_STRANGERS = 100  # who is no device and never gave a message: a port scan must not push a printer out
SAFE = frozenset(one.name for one in TOLERANCES if not one.price)

_T = TypeVar("_T")
_Work = tuple[Heard, dict[str, Any], list[Recording]]


class BlackBox:
    """begin(), known() and end() are called by sessions on the loop; run() writes until it is cancelled."""

    def __init__(
        self,
        archive: Archive,
        clock: Clock,
        *,
        most_sessions: int = 20,
        head_octets: int = 0,
        upstream: Upstream | None = None,
    ) -> None:
        self._archive, self._clock = archive, clock
        self._most_sessions, self._head_octets = most_sessions, head_octets
        self._friends: OrderedDict[str, Heard] = OrderedDict()
        self._strangers: OrderedDict[str, Heard] = OrderedDict()
        self._open: dict[Recording, tuple[Heard, int]] = {}
        self._dirty: dict[str, Heard] = {}
        self._order: Order | None = None
        self._thread = ThreadPoolExecutor(1, "relay365-blackbox")
        self._teller = Teller(archive)
        self.upstream = upstream or Upstream(clock)
        self.upstream.changed = self._went_on

    def follow(self, most_sessions: int, head_octets: int) -> None:
        """Keep so much of the sessions that begin from now on."""
        self._most_sessions, self._head_octets = most_sessions, head_octets

    # -- the sessions' side ---------------------------------------------------------------------------------------

    def begin(self) -> Recording:
        """A new session."""
        return Recording(self._clock, is_on=self._most_sessions > 0, head_octets=self._head_octets)

    def known(self, recording: Recording, client: Client, facts: SubmitterFacts) -> Client:
        """Who it is, as far as is known now; gives what holds for it, which is looser while it is learned."""
        recording.client, recording.facts = client, facts
        if not self._most_sessions:
            return client
        heard = self._heard(key_of(client.device, facts.peer_address), is_friend=client.device != "")
        before, _ = self._open.get(recording, (None, 0))
        if before is not heard:
            if before is not None:
                self._take_away(before, recording)
            heard.sessions.append(recording)
            heard.counts["sessions"] += 1
            self._open[recording] = heard, -1
        order = self._order
        if order is None or order.key != heard.key or self._clock.now() >= order.until_at:
            return client
        heard.learns(order)
        recording.is_learning = True
        return replace(client, tolerances=client.tolerances | SAFE)

    def end(self, recording: Recording) -> None:
        """The session is over; harmless for one that nobody knew."""
        heard, _ = self._open.pop(recording, (None, 0))
        if heard is None:
            return
        heard.take(recording, self._clock.now())
        self._dirty[heard.key] = heard
        if recording.tally.n_accepted and self._strangers.pop(heard.key, None) is not None:
            self._keep(self._friends, heard, MOST_CLIENTS)

    def _went_on(self, recording: Recording) -> None:
        """One of its messages was sent on, or tried to be: its client is written again."""
        device, facts = recording.client.device, recording.facts
        key = key_of(device, facts.peer_address if facts else "")
        heard = self._friends.get(key) or self._strangers.get(key)
        if heard is not None and recording in heard.sessions:
            self._dirty[key] = heard

    # -- the writer's side ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write what has changed, and look for an order to learn, once a second."""
        await self._in_thread(self._archive.prune)
        took_s = 0.0
        while True:
            await asyncio.sleep(max(LOOK_S, took_s / WRITE_SHARE))
            took_s = await self.look()

    async def look(self) -> float:
        """One round; gives how many seconds the writing took."""
        for recording, (heard, n_seen) in list(self._open.items()):
            recording.tell_progress()
            if recording.tape.n_added != n_seen:
                self._open[recording] = heard, recording.tape.n_added
                self._dirty[heard.key] = heard
        work: list[_Work] = []
        for key in list(self._dirty)[:WRITES_AT_ONCE]:
            heard = self._dirty.pop(key)
            work.append((heard, heard.counted(), list(heard.sessions)))
        began_mono = self._clock.mono()
        self._order, left = await self._in_thread(lambda: self._write(work))
        for heard in left:
            self._dirty.setdefault(heard.key, heard)
        return self._clock.mono() - began_mono

    async def close(self) -> None:
        """Write what is left, and end the thread."""
        while self._dirty:
            await self.look()
        self._thread.shutdown(wait=True)

    def _write(self, work: list[_Work]) -> tuple[Order | None, list[Heard]]:
        """In the thread: write these clients; gives the order to learn that stands, and for whom there was no time."""
        until_mono = self._clock.mono() + WRITE_SHARE * LOOK_S
        left: list[Heard] = []
        try:
            for heard, counted, recordings in work:
                if self._clock.mono() > until_mono:
                    left.append(heard)
                    continue
                if heard.earlier is None:
                    heard.earlier = closed(self._archive.read(heard.key))
                if recordings:
                    written = heard.written(counted, recordings)
                    self._archive.write(heard.key, written)
                    self._teller.wrote(written)
            self._teller.is_well()
        except OSError as error:
            self._teller.failed(error)
        return self._archive.order(), left

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # -- bounds ---------------------------------------------------------------------------------------------------

    def _heard(self, key: str, *, is_friend: bool) -> Heard:
        for clients in (self._friends, self._strangers):
            if key in clients:
                clients.move_to_end(key)
                return clients[key]
        heard = Heard(key, self._most_sessions)
        if is_friend:
            self._keep(self._friends, heard, MOST_CLIENTS)
        else:
            self._keep(self._strangers, heard, MOST_STRANGERS)
        return heard

    def _keep(self, clients: OrderedDict[str, Heard], heard: Heard, most: int) -> None:
        clients[heard.key] = heard
        if len(clients) > most:
            key, _ = clients.popitem(last=False)
            self._dirty.pop(key, None)

    def _take_away(self, heard: Heard, recording: Recording) -> None:
        """The session is somebody else's after all: it has named itself, or logged in."""
        with contextlib.suppress(ValueError):
            heard.sessions.remove(recording)
        heard.counts["sessions"] -= 1
        if not heard.counts["sessions"]:
            self._strangers.pop(heard.key, None)
            self._dirty.pop(heard.key, None)
