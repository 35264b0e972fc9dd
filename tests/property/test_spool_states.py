"""The spool as a state machine: whatever happens in whatever order, SQLite says what the reference model says."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from contract.spools import (
    DEFERRED,
    DELIVERED,
    FAILED,
    HELD,
    LEASE_S,
    LIFE_S,
    UNCERTAIN,
    UNTOUCHED,
    MemoryLife,
    SqliteLife,
    StillClock,
    accept,
    claim,
    everything,
    new_message,
    octets_of,
    settlement,
)
from relay365.mail.dsn import Debt
from relay365.mail.envelope import SpoolId
from relay365.spool.api import Claim, Fate, LaneNote, MessageView, Owed, Selection, Spool, State
from relay365.spool.ids import spool_id_of
from relay365.spool.intake import INLINE_OCTETS, STREAM_OCTETS
from relay365.spool.later import Later, LaterFate

LANES = ("one", "two")
MEMORY = Path("/dev/shm")  # what a sync is worth is seen by tests/torture; here it only takes time
EXPIRED = Fate(0, State.EXPIRED, None, owes=Debt.FAILURE)
RELAYED = dataclasses.replace(DELIVERED, owes=Debt.SUCCESS)

lanes = st.sampled_from(LANES)
kinds = st.sampled_from(Debt)
fates = st.sampled_from(
    (DELIVERED, DELIVERED, FAILED, DEFERRED, UNCERTAIN, UNTOUCHED, HELD, EXPIRED, RELAYED)
)
chosen_fates = st.lists(fates, min_size=3, max_size=3)
selections = st.builds(
    Selection,
    st.lists(st.integers(1, 8).map(spool_id_of), max_size=2).map(tuple),
    st.frozensets(st.sampled_from(State), max_size=2),
    st.sampled_from((2, 1000)),
)
sizes = st.sampled_from((0, 5, 5, 5, INLINE_OCTETS + 1, STREAM_OCTETS + 1))


class SpoolMachine(RuleBasedStateMachine):
    """Does everything to both; after each step both must tell the same."""

    claims: Bundle[tuple[Claim, Claim]] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(
            tempfile.mkdtemp(prefix="relay365-spool-", dir=MEMORY if MEMORY.is_dir() else None)
        )
        self.clock = StillClock()
        self.model_life = MemoryLife(self.clock)
        self.real_life = SqliteLife(self.folder / "life-0", self.clock)
        self.model: Spool = self.run(self.model_life.open())
        self.real: Spool = self.run(self.real_life.open())
        self.n_lives = 0

    def teardown(self) -> None:
        self.run(self.real.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def run(self, work: Awaitable[Any]) -> Any:
        """On one loop for all: asyncio.run's own care for Ctrl-C would cost a fifth of the test."""

        async def awaited() -> Any:
            return await work

        return self.loop.run_until_complete(awaited())

    def same(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of both; gives the answer, which must be the same."""
        expected = self.run(getattr(self.model, name)(*arguments, **named))
        actual = self.run(getattr(self.real, name)(*arguments, **named))
        assert expected == actual
        return actual

    @initialize(lane=lanes)
    def some_mail(self, lane: str) -> None:
        for life_s in (10.0, LIFE_S):
            self.accept(2, lane, 5, life_s)

    # -- in and out -------------------------------------------------------------------------------------

    @rule(n=st.integers(1, 3), lane=lanes, size=sizes, life_s=st.sampled_from((10.0, LIFE_S)))
    def take_in(self, n: int, lane: str, size: int, life_s: float) -> None:
        self.accept(n, lane, size, life_s)

    def accept(self, n: int, lane: str, size: int, life_s: float) -> None:
        addresses, notify = (f"r{i}@x.test" for i in range(n)), "" if n == 2 else "NEVER"
        message = new_message(*addresses, at=self.clock.at, lane=lane, life_s=life_s, notify=notify)
        octets = octets_of(size, seed=size)
        expected = self.run(accept(self.model, message, octets))
        assert expected == self.run(accept(self.real, message, octets))

    @rule(target=claims, lane=lanes, limit=st.integers(1, 4))
    def claim(self, lane: str, limit: int) -> Any:
        expected = self.run(claim(self.model, self.clock.at, lane=lane, limit=limit))
        actual = self.run(claim(self.real, self.clock.at, lane=lane, limit=limit))
        assert [_without_lease(c) for c in expected] == [_without_lease(c) for c in actual]
        for model_claim, real_claim in zip(expected, actual, strict=True):
            assert self.run(_octets(model_claim)) == self.run(_octets(real_claim))
        return multiple(*zip(expected, actual, strict=True))

    @rule(pair=claims, chosen=chosen_fates)
    def settle(self, pair: tuple[Claim, Claim], chosen: list[Fate]) -> None:
        """Also a claim that was settled before, or lapsed: then it is lost in both."""
        self.settle_both(pair, chosen)

    @rule(lane=lanes, chosen=chosen_fates)
    def attempt(self, lane: str, chosen: list[Fate]) -> None:
        """What the scheduler does all day: time passes, claim, settle."""
        self.clock.at += 6
        expected = self.run(claim(self.model, self.clock.at, lane=lane))
        actual = self.run(claim(self.real, self.clock.at, lane=lane))
        for pair in zip(expected, actual, strict=True):
            self.settle_both(pair, chosen)

    def settle_both(self, pair: tuple[Claim, Claim], chosen: list[Fate]) -> None:
        given = [
            dataclasses.replace(f, next_attempt_at=self.clock.at + 5)
            for f in chosen[: len(pair[0].recipients)]
        ]
        expected = self.run(self.model.settle([settlement(pair[0], *given)]))
        assert expected == self.run(self.real.settle([settlement(pair[1], *given)]))

    @rule(pair=claims)
    def renew(self, pair: tuple[Claim, Claim]) -> None:
        until_at = self.clock.at + 2 * LEASE_S
        self.run(self.model.renew([pair[0]], lease_until_at=until_at))
        self.run(self.real.renew([pair[1]], lease_until_at=until_at))

    # -- by the clock -----------------------------------------------------------------------------------

    @rule(
        method=st.sampled_from(("lapse", "expire", "prune")),
        ahead_s=st.sampled_from((0.0, 11.0, 11.0, LEASE_S)),
    )
    def keep(self, method: str, ahead_s: float) -> None:
        self.clock.at += ahead_s
        self.same(method, self.clock.at)

    @rule(kept=st.sets(lanes), ahead_s=st.sampled_from((0.0, 11.0, 700.0)))
    def keep_lanes(self, kept: set[str], ahead_s: float) -> None:
        """Some lanes wait for a person or a quota from now on, the others no longer."""
        self.clock.at += ahead_s
        assert self.run(self.model.keep(kept, self.clock.at)) is self.run(self.real.keep(kept, self.clock.at))

    @rule(ahead_s=st.sampled_from((0.0, LIFE_S, 2 * LIFE_S)))
    def warn(self, ahead_s: float) -> None:
        """Look at what expires soon: at nothing, at some, at all."""
        self.same("warn", self.clock.at + ahead_s)

    @rule(owed=st.integers(0, 3), debt=kinds)
    def report(self, owed: int, debt: Debt) -> None:
        """Accept a report that pays some of the oldest message's debts."""
        debts = self.same("debts", debt, limit=1)
        answers = tuple(Owed(view.spool_id, r.n, debt) for view in debts for r in view.recipients)[:owed]
        message = dataclasses.replace(new_message(at=self.clock.at, reverse_path=""), answers=answers)
        assert self.run(accept(self.model, message)) == self.run(accept(self.real, message))

    @rule(debt=kinds)
    def forgive(self, debt: Debt) -> None:
        debts = self.same("debts", debt, limit=2)
        self.same("forgive", [Owed(view.spool_id, r.n, debt) for view in debts for r in view.recipients])

    @rule(
        number=st.integers(1, 8),
        n=st.integers(0, 3),
        fate=st.sampled_from(Later),
        why=st.sampled_from(("", "no")),
    )
    def learn(self, number: int, n: int, fate: Later, why: str) -> None:
        """Of messages that exist or not, in whatever state."""
        learnt = LaterFate(spool_id_of(number), n, fate, self.clock.at, why, owes_report=n > 0)
        self.same("learn_fates", [learnt])

    @rule(lane=lanes, limit=st.sampled_from((1, 100)))
    def look_back(self, lane: str, limit: int) -> None:
        self.same("unresolved", 0.0, self.clock.at, lanes=frozenset({lane}), limit=limit)

    # -- people and lanes -------------------------------------------------------------------------------

    @rule(selection=selections, method=st.sampled_from(("hold", "release", "retry", "delete", "list")))
    def person(self, selection: Selection, method: str) -> None:
        last = {"hold": ("by hand",), "delete": ("not wanted",), "list": ()}.get(method, (self.clock.at,))
        self.same(method, selection, *last)

    @rule(old=lanes, new=lanes)
    def move_lane(self, old: str, new: str) -> None:
        self.same("move_lane", old, new)
        self.same(
            "note_lane", LaneNote(new, "x", "transient" if old > new else "", "", self.clock.at, 0.0, 0.0)
        )

    # -- lives ------------------------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        """Close and open again."""
        self.run(self.real.close())
        self.begin_life()

    @rule()
    def crash(self) -> None:
        """Go on from an image of the directory, taken while the store is open, as a kill would leave it."""
        self.n_lives += 1
        image = self.folder / f"life-{self.n_lives}"
        shutil.copytree(self.real_life.directory, image)
        self.run(self.real.close())
        self.real_life = SqliteLife(image, self.clock)
        self.begin_life()

    def begin_life(self) -> None:
        self.run(self.model.close())
        self.model = self.run(self.model_life.open())
        self.real = self.run(self.real_life.open())

    # -- what must always hold --------------------------------------------------------------------------

    @invariant()
    def both_tell_the_same(self) -> None:
        """All that a face or the scheduler can ask; and contents are kept as long as they must be."""
        assert self.run(_all_of(self.model)) == self.run(_all_of(self.real))


async def _all_of(spool: Spool) -> dict[str, Any]:
    """All answers of a spool, asked for side by side: each question by itself is a way to another thread and back."""
    views = await everything(spool)
    names = [view.spool_id for view in views]
    asked: dict[str, Awaitable[Any]] = {
        "due": spool.due(),
        "counts": spool.counts(),
        "lanes": spool.lanes(),
        **{f"debts {debt}": spool.debts(debt, limit=1000) for debt in Debt},
        **{f"show {name}": spool.show(name) for name in names},
        **{f"content {name}": _kept(spool, name) for name in names},
    }
    answers = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
    shown = {f"show {name}": _without_details(answers[f"show {name}"]) for name in names}
    return {"list": views, **answers, **shown}


def _without_lease(one: Claim) -> Claim:
    return dataclasses.replace(one, lease=0, content=None)  # type: ignore[arg-type]


def _without_details(view: MessageView | None) -> MessageView | None:
    """Details of events are for people; their names, places and instants are the promise."""
    assert view is not None
    return dataclasses.replace(view, events=tuple(dataclasses.replace(e, detail="") for e in view.events))


async def _octets(one: Claim) -> bytes:
    return b"".join([block async for block in one.content.blocks()])


async def _kept(spool: Spool, spool_id: SpoolId) -> bytes | None:
    content = await spool.content(spool_id)
    return None if content is None else b"".join([block async for block in content.blocks()])


def test_sqlite_and_model_agree() -> None:
    """Any sequence of moves, restarts and crashes leaves the same messages, states, events, debts and contents."""
    run_state_machine_as_test(
        SpoolMachine,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
