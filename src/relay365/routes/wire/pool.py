"""Warm lines of one route: opened when needed, used again, given up when idle or old.

The scheduler decides how many deliveries run at once; the pool never opens more lines than deliveries.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from relay365.errors import RemoteProtocolError, TokenRefused, TransportError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment
from relay365.routes.wire.ear import DEAF, Ear, Ears, nobody
from relay365.routes.wire.line import Line, accept_cancellation
from relay365.routes.wire.remote import CannotOpen, Destination, SignIn, StepRefused
from relay365.routes.wire.talk import Judge, broken
from relay365.smtp.client import Step

IDLE_S = 20.0  # a slot of Microsoft's three connections must not be kept for nothing
MAX_MESSAGES_PER_LINE = 1000
TOKEN_TOO_OLD = "token-ends-soon"  # noqa: S105  # a row of the catalogue

_HELLO = (Step.EHLO, Step.HELO)


@dataclass(frozen=True, slots=True)
class Judges:
    """How replies and token refusals are read: the catalogue, passed in."""

    reply: Judge
    token: Callable[[TokenRefused], Outcome]


class Pool:
    """The lines of one route to one destination."""

    def __init__(
        self, destination: Destination, sign_in: SignIn | None, judges: Judges, ears: Ears = nobody
    ) -> None:
        self._destination, self._sign_in, self._judges, self._ears = destination, sign_in, judges, ears
        self._idle: list[tuple[Line, asyncio.TimerHandle]] = []
        self._closing: set[asyncio.Task[None]] = set()

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """Hand over one consignment on a warm line or a new one."""
        ear = self._ears(consignment.spool_id)
        try:
            return await self._deliver(consignment, ear)
        finally:
            ear.ended()

    async def _deliver(self, consignment: Consignment, ear: Ear) -> tuple[Outcome, ...]:
        while (line := self._take()) is not None:
            line.ear = ear
            ear.note(f"a line that has carried {line.n_delivered} before")
            outcomes = await line.deliver(consignment)
            self._give_back(line)
            if not _was_stale(line, outcomes):
                return outcomes
        found = await self._new_line(ear)
        if isinstance(found, Outcome):
            return (dataclasses.replace(found, offered=False),) * len(consignment.envelope.forward_paths)
        outcomes = await found.deliver(consignment)
        self._give_back(found)
        return outcomes

    async def close(self) -> None:
        """End all idle lines politely."""
        for line, timer in self._idle:
            timer.cancel()
            self._release(line)
        self._idle.clear()
        if self._closing:
            await asyncio.wait(self._closing, timeout=2.0)

    async def _new_line(self, ear: Ear) -> Line | Outcome:
        """An open line, or why there is none. A token that was too old is replaced once."""
        line, refusal = await self._try(ear)
        if refusal is not None and refusal.row == TOKEN_TOO_OLD:
            line, refusal = await self._try(ear)
        return line if refusal is None else refusal

    async def _try(self, ear: Ear) -> tuple[Line, Outcome | None]:
        line = Line(self._judges.reply, ear)
        refusal = await self._open(line)
        if refusal is not None:
            ear.note(f"no line: {refusal.reply_text}")
            self._release(line)
        return line, refusal

    async def _open(self, line: Line) -> Outcome | None:
        """Open a line; an Outcome says why there is none."""
        try:
            await line.open(await self._destination.find(), self._sign_in)
        except CannotOpen as no:
            return no.outcome
        except StepRefused as refused:
            if refused.step is Step.AUTH and self._sign_in is not None:
                self._sign_in.refused()
            stage = "auth" if refused.step is Step.AUTH else "connect"
            outcome = self._judges.reply(refused.reply, stage)
            is_unknown = refused.step in _HELLO and not outcome.row
            return dataclasses.replace(outcome, row="hello-refused") if is_unknown else outcome
        except TokenRefused as refused:
            return self._judges.token(refused)
        except (TransportError, RemoteProtocolError) as error:
            self._destination.missed()
            return _no_line(error)
        except asyncio.CancelledError as stop:
            accept_cancellation()
            return broken(stop, past_the_dot=False)
        return None

    def _take(self) -> Line | None:
        while self._idle:
            line, timer = self._idle.pop()
            timer.cancel()
            if not line.has_news() and line.is_usable:
                return line
            self._release(line)
        return None

    def _give_back(self, line: Line) -> None:
        if not line.is_usable or line.n_delivered >= MAX_MESSAGES_PER_LINE:
            self._release(line)
            return
        line.ear = DEAF
        timer = asyncio.get_running_loop().call_later(IDLE_S, self._retire, line)
        self._idle.append((line, timer))

    def _retire(self, line: Line) -> None:
        self._idle = [(kept, timer) for kept, timer in self._idle if kept is not line]
        self._release(line)

    def _release(self, line: Line) -> None:
        line.ear = DEAF  # its attempt is over before the goodbye
        task = asyncio.get_running_loop().create_task(line.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _no_line(error: TransportError | RemoteProtocolError) -> Outcome:
    """A certificate that is not trusted only a person can heal; a broken link heals itself."""
    if isinstance(error, RemoteProtocolError):
        return Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT, None, str(error), row="not-smtp")
    is_broken_link = isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, ssl.SSLError)
    if error.phase == "tls" and not is_broken_link:
        return Outcome(Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION, None, str(error), row="tls-failed")
    row = "tls-broken" if error.phase == "tls" else "cannot-connect"
    return Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT, None, str(error), row=row)


def _was_stale(line: Line, outcomes: tuple[Outcome, ...]) -> bool:
    """Whether a warm line only turned out to be dead; nothing was judged and nothing was sent past the dot."""
    return not line.is_usable and all(outcome.row == "connection-broken" for outcome in outcomes)
