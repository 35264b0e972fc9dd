"""Mail that goes together, and a remote that says yes to one and no to the next: everybody's own fate is right.

A scheduler, a spool and a route of which only the wire is played: a remote with likes and dislikes, which keeps its own
book of what it has taken. Letters for several people and a storm for one go to it in whatever company they find.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.clock import FakeClock
from fakes.mail import DEVICE
from fakes.route import FakeRoute
from relay365.engine.roads.advice import NoAdvice
from relay365.engine.scheduler import Scheduler
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.outcome import Outcome
from relay365.mail.status import Reply
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.classify import outcome_of
from relay365.routes.wire.talk import broken
from relay365.rules.retry import Policy
from relay365.spool.api import MessageView, NewMessage, Selection, State
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.heads import Head

STORM_TO = "ops@x.test"
NOBODY = outcome_of(Reply.of(550, "5.1.1", "User unknown"), "rcpt")
NOT_NOW = outcome_of(Reply.of(450, "4.2.1", "Mailbox busy"), "rcpt")
TOO_MANY = outcome_of(Reply.of(452, "4.5.3", "Too many recipients"), "rcpt")
TAKEN = outcome_of(Reply.of(250, "2.6.0", "taken"), "data")
BUSY = outcome_of(Reply.of(451, "4.3.0", "Try again"), "data")
POISON = outcome_of(Reply.of(554, "5.6.0", "Corrupt message content"), "data")
BROKEN = broken(ConnectionResetError("reset by peer"), past_the_dot=True)

Key = tuple[str, str]
"""(name of a message, one of its recipients)."""


@dataclass
class Remote:
    """cap: recipients of one transaction. moods: how often each recipient is not now, None for never there.

    poison: names of messages that it refuses for what is in them. dots: what it does behind the dot, in turn: taken,
    busy, kept (taken, and the answer is lost), lost (not taken, and the answer is lost); then it takes all.
    """

    cap: int
    moods: dict[str, int | None]
    poison: frozenset[str]
    dots: list[str]
    taken: Counter[Key] = field(default_factory=Counter)
    doubtful: Counter[Key] = field(default_factory=Counter)
    most_together: int = 0

    def judge(self, consignment: Consignment) -> tuple[Outcome, ...]:
        octets = consignment.content.octets() or b""
        names = [name.decode() for name in re.findall(rb"#(\w+)#", octets)]
        found: list[Outcome | None] = []
        for path in consignment.envelope.forward_paths:
            found.append(self._at_rcpt(path.address, found.count(None)))
        here = [
            p.address for p, no in zip(consignment.envelope.forward_paths, found, strict=True) if no is None
        ]
        if not here:
            return tuple(one or TAKEN for one in found)
        keys = [(name, address) for name in names for address in here]
        self.most_together = max(self.most_together, len(keys))
        said = self._at_dot(names, keys)
        return tuple(one or said for one in found)

    def _at_rcpt(self, address: str, n_before: int) -> Outcome | None:
        left = self.moods.get(address, 0)
        if left is None:
            return NOBODY
        if left:
            self.moods[address] = left - 1
            return NOT_NOW
        return TOO_MANY if n_before >= self.cap else None

    def _at_dot(self, names: list[str], keys: list[Key]) -> Outcome:
        if self.poison.intersection(names):
            return POISON
        does = self.dots.pop(0) if self.dots else "taken"
        if does in ("taken", "kept"):
            self.taken.update(keys)
        if does in ("kept", "lost"):
            self.doubtful.update(keys)
            return BROKEN
        return TAKEN if does == "taken" else BUSY


class Storms(NoAdvice):
    """Two messages or more to one person are a digest."""

    def digest_from(self, head: Head) -> int:
        return 2 if head.recipients[0][1] == STORM_TO else 0


async def _play(remote: Remote, letters: dict[str, list[str]]) -> list[MessageView]:
    """Until nothing waits; gives what the spool says of each."""
    clock, limits = FakeClock(), LaneLimits(1, 1000, recipients=5)
    spool, route = MemorySpool(clock), FakeRoute(remote.judge, limits)
    scheduler = Scheduler(spool, [route], clock, Policy())
    scheduler.advice = Storms()
    for name, people in letters.items():
        for to in people:
            intake, now = spool.begin(), clock.now()
            intake.write(f"Message-ID: <{name}@erp>\r\n\r\n#{name}#\r\n".encode())
            envelope = Envelope("erp@x.test", (ForwardPath(to),))
            await intake.commit(
                NewMessage(envelope, DEVICE, "way", now, now + 9e7, message_id=f"<{name}@erp>")
            )
    task = asyncio.ensure_future(scheduler.run())
    for _ in range(400):
        for _ in range(12):
            scheduler.accepted("way")
            scheduler._wake.set()  # its ticks are of the real clock
            await asyncio.sleep(0)
        counts = await spool.counts()
        if not counts.get(State.QUEUED) and not counts.get(State.CLAIMED):
            break
        clock.pass_s(700.0)
    await scheduler.stop(1.0)
    await task
    views = await spool.list(Selection(limit=1000))
    shown = [await spool.show(view.spool_id) for view in views]
    return [view for view in shown if view is not None]


people = st.lists(st.sampled_from([f"{c}@x.test" for c in "abcdef"]), min_size=2, max_size=6, unique=True)
moods = st.dictionaries(
    st.sampled_from([*(f"{c}@x.test" for c in "abcdef"), STORM_TO]), st.sampled_from([None, 1, 2]), max_size=4
)
dots = st.lists(st.sampled_from(["taken", "busy", "kept", "lost"]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    people,
    people,
    st.integers(0, 6),
    st.integers(1, 5),
    moods,
    dots,
    st.frozensets(st.sampled_from(["one", "two", "storm0", "storm1", "storm4"]), max_size=2),
)
def test_everybody_has_his_own_fate(
    one: list[str],
    two: list[str],
    n_storm: int,
    cap: int,
    likes: dict[str, int | None],
    behind_the_dot: list[str],
    poison: frozenset[str],
) -> None:
    """Delivered is who the remote has it for; nobody is failed by the company, doubled without a doubt, or stuck."""
    letters = {"one": one, "two": two, **{f"storm{n}": [STORM_TO] for n in range(n_storm)}}
    remote = Remote(cap, dict(likes), poison, list(behind_the_dot))
    views = asyncio.run(_play(remote, letters))
    states: dict[Key, State] = {}
    marked: dict[Key, bool] = defaultdict(bool)
    for view in views:
        name = view.message_id[1:].partition("@")[0]
        for recipient in view.recipients:
            states[name, recipient.address] = recipient.state
            marked[name, recipient.address] = recipient.possible_duplicate

    assert sum(map(len, letters.values())) == len(states)
    for (name, address), state in states.items():
        is_refused = likes.get(address, 0) is None or name in poison
        assert (State.FAILED if is_refused else State.DELIVERED) == state, (name, address)
        assert is_refused == (not remote.taken[name, address])
        assert remote.taken[name, address] <= 1 + remote.doubtful[name, address]
        assert marked[name, address] == bool(remote.doubtful[name, address])


def test_the_play_has_company_in_it() -> None:
    """Or it would prove nothing: five people in one transaction, four messages in one digest."""
    alone, together = Remote(9, {}, frozenset(), []), Remote(9, {}, frozenset(), [])
    asyncio.run(_play(alone, {"one": ["a@x.test"], "two": ["b@x.test"]}))
    asyncio.run(_play(together, {"one": [f"{c}@x.test" for c in "abcde"]}))
    storm = Remote(9, {}, frozenset(), [])
    asyncio.run(_play(storm, {f"storm{n}": [STORM_TO] for n in range(4)}))

    assert (1, 5, 4) == (alone.most_together, together.most_together, storm.most_together)
