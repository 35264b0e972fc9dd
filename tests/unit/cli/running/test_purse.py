"""What was used, from slices and notes: the day from the spool, short windows only while they are true."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.quotas import LANE, LIMITS, NOW, OWNER, SLICE_AT, limits, note, usage
from relay365.cli.running import purse
from relay365.cli.running.purse import Books, Owner
from relay365.engine.attempts.bookkeeper import UNKNOWN
from relay365.rules.quota.forecast import Outside, Run, slice_end
from relay365.spool.api import LaneNote

SCAN = Owner(OWNER, (LANE, "graph/scan@contoso.com"), LIMITS)


def _budget(books: Books, name: str, owner: Owner = SCAN) -> dict[str, Any]:
    return next(one for one in purse.standing(books, owner) if one["name"] == name)


def test_lanes_of_one_mailbox_are_one_owner() -> None:
    """A lane without a budget of its own word owns itself; the order is the file's."""
    found = purse.owners_of({LANE: LIMITS, "smarthost": limits(budget=""), "graph/scan@contoso.com": LIMITS})

    assert [(OWNER, SCAN.lanes), ("smarthost", ("smarthost",))] == [(one.word, one.lanes) for one in found]


def test_the_day_comes_from_the_spool() -> None:
    """Whatever the note says, by priority; what is older than a day and a slice is gone, and so is another's."""
    books = Books(
        NOW,
        usage=(
            usage(500, ago_s=86_400), usage(40, ago_s=86_400 + 300), usage(7, priority="alarm"),
            usage(300, ago_s=3_600), usage(99, budget="mailbox x@contoso.com"),
        ),
        notes={LANE: note({"name": "recipients", "used": 1, "foreign": 20})},
    )  # fmt: skip

    assert {
        "name": "recipients", "used": 807, "limit": 10_000, "window_s": 86_400.0, "opens_at": None, "foreign": 20,
        "by_priority": {"normal": 800, "alarm": 7}, "yields": [],
    } == _budget(books, "recipients")  # fmt: skip


def test_a_used_up_day_says_when_it_opens() -> None:
    """When the first slice leaves; what others used counts, too."""
    books = Books(
        NOW,
        usage=(usage(6_000, ago_s=7_200), usage(1_000)),
        notes={LANE: note({"name": "recipients", "foreign": 3_000})},
    )

    assert slice_end(SLICE_AT - 7_200) == _budget(books, "recipients")["opens_at"]


@pytest.mark.parametrize(("ago_s", "used"), [(0, 30), (300, 0)])
def test_a_minute_that_is_over_is_not_shown_as_used(ago_s: float, used: int) -> None:
    """A note outlives its minute: without a message in the slices that the minute touches nothing of it is left."""
    books = Books(
        NOW,
        usage=(usage(30, ago_s=ago_s),),
        notes={LANE: note({"name": "messages", "used": 30, "opens_at": NOW + 20, "foreign": 4})},
    )
    found = _budget(books, "messages")

    assert (used, NOW + 20 if used else None, 4 if used else 0) == (
        found["used"], found["opens_at"], found["foreign"],
    )  # fmt: skip


def test_a_service_that_runs_writes_true_notes() -> None:
    """Use of the last seconds is not in the slices yet; a lane without a day has no note after its last message."""
    noted = {LANE: note({"name": "messages", "used": 12})}
    books = Books(NOW, is_running=True, notes=noted)

    assert 12 == _budget(books, "messages")["used"]
    assert 0 == _budget(books, "messages", Owner(OWNER, (LANE,), limits(recipients_per_day=None)))["used"]


def test_the_day_of_a_running_service_is_as_fresh_as_its_note() -> None:
    """Slices are written once a minute; the note of a service that is gone is not asked."""
    noted = {LANE: note({"name": "recipients", "used": 45})}
    found = [
        _budget(Books(NOW, is_running=runs, usage=(usage(40),), notes=noted), "recipients")["used"]
        for runs in (True, False)
    ]

    assert [45, 40] == found


def test_what_is_assumed_is_used_but_no_rate() -> None:
    """Of a mailbox that is new to the relay; it says nothing of the tenant's outside, but its own row does."""
    guess = usage(5_000, priority=UNKNOWN, external=5_000)
    books = Books(NOW, usage=(guess, usage(56, external=28)))
    outside = purse.external(books, "contoso.com", [SCAN])
    own_guess = guess._replace(budget="tenant contoso.com")

    assert UNKNOWN == purse.ASSUMED
    assert {UNKNOWN: 5_000, "normal": 56} == _budget(books, "recipients")["by_priority"]
    assert purse.notice(books, [OWNER], _budget(books, "recipients")) is None
    assert (28, {"normal": 28}) == (outside["used"], outside["by_priority"])
    assert 5_000 == purse.external(Books(NOW, usage=(own_guess,)), "contoso.com", [SCAN])["used"]


def test_an_opening_in_the_past_is_none() -> None:
    """The window has opened since the note was written."""
    books = Books(
        NOW, usage=(usage(30),), notes={LANE: note({"name": "messages", "used": 30, "opens_at": NOW - 1})}
    )

    assert _budget(books, "messages")["opens_at"] is None


@pytest.mark.parametrize(("is_running", "used"), [(True, 3), (False, 0)])
def test_nothing_is_under_way_without_a_service(is_running: bool, used: int) -> None:
    """Requests at once of an application."""
    own = Owner(OWNER, (LANE,), limits(at_once_per_application=4))
    books = Books(NOW, is_running=is_running, notes={LANE: note({"name": "at-once", "used": 3})})

    assert used == _budget(books, "at-once", own)["used"]


def test_every_budget_is_listed_without_a_note() -> None:
    """From the limits alone, with the scheduler's names."""
    own = Owner("acs", ("acs",), limits(windows=((100, 3_600.0),), requests=(10_000, 600.0)))

    assert ["messages", "messages-3600s", "recipients", "requests", "pairs"] == [
        one["name"] for one in purse.standing(Books(NOW), own)
    ]


def test_the_tenants_outside_is_counted_once() -> None:
    """By its own slices where there are some, else by those of its mailboxes; others' tenants are not in it."""
    own = [SCAN, Owner("mailbox b@contoso.com", ("b",), LIMITS), Owner("x", ("x",), limits(tenant="x.com"))]
    apart = (
        usage(10, external=6), usage(10, budget="mailbox b@contoso.com", external=3), usage(5, budget="x", external=5),
    )  # fmt: skip
    whole = (*apart, usage(20, budget="tenant contoso.com", external=11))

    assert [9, 11] == [
        purse.external(Books(NOW, usage=rows), "contoso.com", own)["used"] for rows in (apart, whole)
    ]
    assert Outside(16_113, ((SLICE_AT, 11),)) == purse.outside_of(Books(NOW, usage=whole), "contoso.com", own)


def test_mail_of_no_tenant_has_no_outside() -> None:
    """A smart host."""
    own = [Owner("smarthost", ("smarthost",), limits(tenant="", external_per_day=None))]

    assert Outside() == purse.outside_of(Books(NOW), "", own)


def test_a_limit_that_is_not_watched_has_no_notice() -> None:
    """However much goes outside; and a minute has none either."""
    own = [Owner(OWNER, (LANE,), limits(external_per_day=None))]
    books = Books(NOW, usage=(usage(9_000, external=9_000), usage(600, ago_s=40_000)))
    outside = purse.external(books, "contoso.com", own)

    assert (None, 9_000) == (outside["limit"], outside["used"])
    assert purse.notice(books, [OWNER], outside) is None
    assert purse.notice(books, [OWNER], _budget(books, "messages")) is None
    found = purse.notice(books, [OWNER], _budget(books, "recipients"))
    assert found is not None
    assert ("over", 9_600) == (found.level, found.used)


def test_a_mailbox_is_foreseen_with_all_that_it_has_on_its_hands() -> None:
    """The guard on its minute, its slices, what others used, and what waits in each of its lanes."""
    books = Books(
        NOW,
        usage=(usage(10),),
        notes={LANE: note({"name": "recipients", "foreign": 3})},
        waiting={LANE: (Run(2, 1, 1),), "graph/scan@contoso.com": (Run(1, 5, 0),), "x": (Run(9),)},
    )
    found = purse.mailbox_of(books, SCAN)

    assert (((30, 60.1),), 10_000, ((SLICE_AT, 10), (NOW, 3)), (Run(2, 1, 1), Run(1, 5, 0))) == (
        found.windows, found.recipients, found.used, found.waiting,
    )  # fmt: skip


@pytest.mark.parametrize(("opens_at", "until"), [(NOW + 20, NOW + 20), (None, NOW + 60.1)])
def test_places_of_the_minute_come_back(opens_at: float | None, until: float) -> None:
    """When the note says so, else after a whole window."""
    books = Books(
        NOW, is_running=True, notes={LANE: note({"name": "messages", "used": 9, "opens_at": opens_at})}
    )

    assert ((until, 9),) == purse.mailbox_of(books, SCAN).taken
    assert () == purse.mailbox_of(Books(NOW), SCAN).taken
    assert () == purse.mailbox_of(books, Owner("hve", (LANE,), limits(messages=None))).taken


def test_what_waits_has_an_end() -> None:
    """Mailboxes of a tenant are played together: what may go outside is shared, and the first waits for a day."""
    own = [
        Owner(word, (word,), limits(external_per_day=100, budget="")) for word in ("first", "second", "idle")
    ]
    books = Books(NOW, waiting={"first": (Run(40, 2, 2),), "second": (Run(30, 1, 1),)})
    found = {owner.word: at for owner, at in purse.ends_of_waiting(books, own)}

    assert found["idle"] is None
    assert (slice_end(NOW), NOW) == (found["first"], found["second"])


def test_what_can_never_go_has_no_end() -> None:
    """One message for more recipients than a day has."""
    books = Books(NOW, waiting={LANE: (Run(1, 10_001),)})

    assert [None] == [at for _, at in purse.ends_of_waiting(books, [SCAN])]


class _Spool:
    """What read_books asks, answered with the given."""

    def __init__(self, views: list[Any]) -> None:
        self._views = views
        self.asked_since_at = 0.0

    async def list(self, selection: Any) -> list[Any]:
        return self._views[: selection.limit]

    async def usage(self, since_at: float) -> list[Any]:
        self.asked_since_at = since_at
        return [usage(1)]

    async def lanes(self) -> list[LaneNote]:
        return [note()]


def test_the_spool_is_asked_for_as_many_days_as_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a queue that is longer than what is looked at is told as such."""
    spool = _Spool([])
    books = asyncio.run(purse.read_books(spool, {}, NOW, days=35))

    assert NOW - 35 * 86_400 - 300 == spool.asked_since_at
    assert (True, (usage(1),), {LANE: note()}) == (books.is_whole, books.usage, books.notes)
    monkeypatch.setattr(purse, "MOST_WAITING", 0)
    assert not asyncio.run(purse.read_books(spool, {}, NOW)).is_whole


@pytest.mark.parametrize(
    ("window_s", "words"),
    [(0.0, "at once"), (60.0, "in 60 s"), (600.0, "in 600 s"), (3_600.0, "in 1 h"), (86_400.0, "in 24 h")],
)
def test_a_window_in_words(window_s: float, words: str) -> None:
    """As people say it."""
    assert words == purse.span(window_s)


def test_an_instant_is_local_and_has_a_date_where_it_needs_one() -> None:
    """The same day needs none; nothing is `never`."""
    from datetime import datetime

    base = datetime(2026, 12, 1, 2, 0).astimezone()
    later = datetime(2026, 12, 2, 3, 12).astimezone()

    assert ["02:00", "2026-12-02 03:12", "never"] == [
        purse.clock(base.isoformat(), base.timestamp()),
        purse.clock(later.isoformat(), base.timestamp()),
        purse.clock(None, base.timestamp()),
    ]


def test_who_leaves_the_rest_of_the_day_to_others_is_named() -> None:
    """By the notes of a service that runs, once for the mailbox; bulk is none of the clients."""
    entries = [
        {"name": "yields", "client": one, "why": "share", "opens_at": NOW + 60} for one in ("copier 1", "")
    ]
    notes = {lane: note({"name": "recipients", "used": 6_000}, *entries) for lane in SCAN.lanes}

    assert ["copier 1"] == _budget(Books(NOW, is_running=True, notes=notes), "recipients")["yields"]
    assert [] == _budget(Books(NOW, notes=notes), "recipients")["yields"]
