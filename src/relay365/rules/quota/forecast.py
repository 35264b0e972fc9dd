"""Forecast: when so many messages are out, what is left for others then, and which budget makes them wait.

The same arithmetic as the scheduler's, played forward: a minute counts every message for its whole window, a day counts
recipients by slices of 300 seconds, each of which leaves 24 hours after its last instant. Nobody else is assumed to
begin to send; what is used already, and what waits already, is given. Pure; all instants are epoch seconds.
(Microsoft's limits: relay365/routes/limits.toml)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

SLICE_S = 300.0
DAY_S = 86_400.0
MESSAGES, RECIPIENTS, EXTERNAL, HOURS = "messages", "recipients", "external", "hours"


@dataclass(frozen=True, slots=True)
class Run:
    """So many equal messages. recipients, external: of each message; external ones are among the recipients."""

    messages: int
    recipients: int = 1
    external: int = 0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One budget that sends, and what it has on its hands.

    windows: (messages, seconds), all of which hold; recipients: of any 24 hours, None for no limit.
    used: (begin of a slice, recipients in it), of the last 24 hours, in any order. waiting: what goes before the job.
    taken: (the instant when they are free, messages) of the first window, in any order.
    """

    name: str
    windows: tuple[tuple[int, float], ...] = ()
    recipients: int | None = None
    used: tuple[tuple[float, int], ...] = ()
    waiting: tuple[Run, ...] = ()
    taken: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Outside:
    """The tenant's recipients outside in 24 hours. limit: None where it is not watched; used: as Mailbox.used."""

    limit: int | None = None
    used: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked about. at: when it is handed in, now or later.

    opens_at: the first instant, at the given one or later, when it may go: bulk mail has its hours.
    """

    run: Run
    at: float
    opens_at: Callable[[float], float] = lambda at: at


@dataclass(frozen=True, slots=True)
class Departure:
    """Messages that leave one mailbox at one instant. mailbox: its place; of_job: not what waited before."""

    at: float
    mailbox: int
    of_job: bool
    messages: int
    recipients: int
    external: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """The answer. starts_at, done_at: of the job, None where it can never be done (binds says why).

    Without messages in the job: of what waits. binds: the budget that it waits for longest, "" where for none.
    left: recipients that each mailbox may still have at done_at; external_left: those of the tenant; None: no limit.
    """

    starts_at: float | None
    done_at: float | None
    binds: str
    left: tuple[int | None, ...]
    external_left: int | None
    departures: tuple[Departure, ...]


def forecast(job: Job, mailboxes: Sequence[Mailbox], outside: Outside, now: float) -> Outlook:
    """Play it forward from now. Whoever stands first among the mailboxes takes first, each what it can at once."""
    play = _Play(job, mailboxes, outside)
    instant: float | None = now
    while instant is not None and not play.is_over():
        play.go(instant)
        instant = None if play.is_over() else play.wait(instant)
    asked = [one for one in play.departures if one.of_job or not job.run.messages]
    is_done = play.is_over()
    return Outlook(
        asked[0].at if asked else now if is_done else None,
        (asked[-1].at if asked else now) if is_done else None,
        play.binds(),
        tuple(sender.day.left for sender in play.senders),
        play.outside.left,
        tuple(play.departures),
    )


def one_more(mailboxes: Sequence[Mailbox]) -> tuple[Mailbox, ...]:
    """The same mailboxes, and a fresh one that is like the first."""
    first = mailboxes[0]
    return (*mailboxes, Mailbox("one more", first.windows, first.recipients))


def slice_end(at: float) -> float:
    """When what is used at an instant no longer counts: 24 hours after the end of its slice."""
    return at // SLICE_S * SLICE_S + SLICE_S + DAY_S


class _Ledger:
    """What counts against one limit, and when it stops to."""

    def __init__(self, limit: int | None, used: Iterable[tuple[float, int]] = ()) -> None:
        self._limit = limit
        self._leaving = deque(sorted((slice_end(at), n) for at, n in used if n))
        self._n_used = sum(n for _, n in self._leaving)

    @property
    def left(self) -> int | None:
        """What may still be taken; None for no limit."""
        return None if self._limit is None else max(0, self._limit - self._n_used)

    def pass_to(self, now: float) -> None:
        """Let go what no longer counts."""
        while self._leaving and self._leaving[0][0] <= now:
            self._n_used -= self._leaving.popleft()[1]

    def n_fit(self, each: int) -> int | None:
        """How many takes of `each` fit; None for any number."""
        left = self.left
        return None if left is None or not each else left // each

    def take(self, n: int, until: float) -> None:
        """Count n until an instant, which is never before that of an earlier take."""
        self._n_used += n
        if self._leaving and self._leaving[-1][0] == until:
            n += self._leaving.pop()[1]
        self._leaving.append((until, n))

    def next_at(self) -> float | None:
        """When something stops to count."""
        return self._leaving[0][0] if self._leaving else None


class _Sender:
    """A mailbox while it is played."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.day = _Ledger(mailbox.recipients, mailbox.used)
        self.windows = [(_Ledger(most), seconds) for most, seconds in mailbox.windows]
        for until, n in sorted(mailbox.taken) if self.windows else ():
            self.windows[0][0].take(n, until)
        self.waiting = deque(run for run in mailbox.waiting if run.messages)

    def ledgers(self) -> Iterable[_Ledger]:
        """All that limits it alone."""
        return (self.day, *(ledger for ledger, _ in self.windows))


class _Play:
    """The game: senders, the tenant's budget, and what is left of the job."""

    def __init__(self, job: Job, mailboxes: Sequence[Mailbox], outside: Outside) -> None:
        self.senders = [_Sender(one) for one in mailboxes]
        self.outside = _Ledger(outside.limit, outside.used)
        self.departures: list[Departure] = []
        self._job, self._n_left = job, job.run.messages
        self._waited_s: dict[str, float] = {}

    def is_over(self) -> bool:
        """Whether everything that was asked about is out; mail that waits is asked about only without a job."""
        return not self._n_left and (
            bool(self._job.run.messages) or not any(sender.waiting for sender in self.senders)
        )

    def binds(self) -> str:
        """What the job waited for longest."""
        return max(self._waited_s, key=lambda cause: self._waited_s[cause], default="")

    def go(self, now: float) -> None:
        """Everybody sends what fits now."""
        self.outside.pass_to(now)
        for place, sender in enumerate(self.senders):
            for ledger in sender.ledgers():
                ledger.pass_to(now)
            while sender.waiting:
                run = sender.waiting[0]
                n = self._send(place, run, run.messages, now, of_job=False)
                if n < run.messages:
                    sender.waiting[0] = Run(run.messages - n, run.recipients, run.external)
                    break
                sender.waiting.popleft()
            if not sender.waiting and self._is_open(now):
                self._n_left -= self._send(place, self._job.run, self._n_left, now, of_job=True)

    def wait(self, now: float) -> float | None:
        """The next instant at which anything may change, and who is to blame for the time until then."""
        ledgers = [self.outside, *(ledger for sender in self.senders for ledger in sender.ledgers())]
        ahead = [at for ledger in ledgers if (at := ledger.next_at()) is not None]
        if self._n_left:
            ahead.append(max(self._job.at, self._job.opens_at(max(now, self._job.at))))
        next_at = min((at for at in ahead if at > now), default=None)
        if now >= self._job.at or not self._job.run.messages:
            for cause in filter(None, map(self._cause, self.senders)):
                spent_s = 0.0 if next_at is None else next_at - now
                self._waited_s[cause] = self._waited_s.get(cause, 0.0) + spent_s
        return next_at

    def _is_open(self, now: float) -> bool:
        return now >= self._job.at and self._job.opens_at(now) <= now

    def _send(self, place: int, run: Run, most: int, now: float, *, of_job: bool) -> int:
        """Send up to `most` messages of a run by one mailbox; gives how many went."""
        sender = self.senders[place]
        fits = [ledger.n_fit(1) for ledger, _ in sender.windows]
        fits += [sender.day.n_fit(run.recipients), self.outside.n_fit(run.external)]
        n = min([most, *(one for one in fits if one is not None)])
        if n:
            for ledger, seconds in sender.windows:
                ledger.take(n, now + seconds)
            sender.day.take(n * run.recipients, slice_end(now))
            self.outside.take(n * run.external, slice_end(now))
            self.departures.append(Departure(now, place, of_job, n, n * run.recipients, n * run.external))
        return n

    def _cause(self, sender: _Sender) -> str:
        """Why a mailbox sends nothing more now; the slowest budget first, "" where it has nothing to send."""
        run = sender.waiting[0] if sender.waiting else self._job.run if self._n_left else None
        if run is None:
            return ""
        if self.outside.n_fit(run.external) == 0:
            return EXTERNAL
        if sender.day.n_fit(run.recipients) == 0:
            return RECIPIENTS
        return MESSAGES if any(ledger.n_fit(1) == 0 for ledger, _ in sender.windows) else HOURS
