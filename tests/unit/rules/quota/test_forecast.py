"""The forecast is the scheduler's arithmetic played forward: exact, never over a limit, and monotonic."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.quota.forecast import (
    DAY_S,
    EXTERNAL,
    HOURS,
    MESSAGES,
    RECIPIENTS,
    SLICE_S,
    Job,
    Mailbox,
    Outlook,
    Outside,
    Run,
    forecast,
    one_more,
    slice_end,
)

T0 = 1_800_000_000.0  # a multiple of 300
MINUTE = ((30, 60.0),)
FRESH = Mailbox("scan@contoso.com", MINUTE, 10_000)
NOBODY = Outside()


def test_a_run_at_two_in_the_morning() -> None:
    """8,000 messages at 30 a minute are 267 minutes' worth: the last thirty go 266 minutes after the first."""
    found = forecast(Job(Run(8_000), T0), [FRESH], NOBODY, T0)

    assert (T0, T0 + 266 * 60, MESSAGES) == (found.starts_at, found.done_at, found.binds)
    assert (2_000,) == found.left
    assert 267 == len(found.departures)


def test_a_pool_of_three_shares_it() -> None:
    """A third of the time; the mailboxes take turns in the order of the file."""
    found = forecast(Job(Run(8_000), T0), one_more(one_more([FRESH])), NOBODY, T0)

    assert T0 + 88 * 60 == found.done_at
    assert [2_670, 2_670, 2_660] == [
        sum(one.messages for one in found.departures if one.mailbox == place) for place in range(3)
    ]


def test_a_day_opens_slice_by_slice() -> None:
    """What was used at 10:02 comes back at 10:05 tomorrow, and not a second before."""
    used = ((T0 - 3_600, 9_990), (T0 - 600, 10))
    found = forecast(Job(Run(25), T0), [Mailbox("a", MINUTE, 10_000, used)], NOBODY, T0)

    assert slice_end(T0 - 3_600) == T0 - 3_600 + SLICE_S + DAY_S == found.starts_at == found.done_at
    assert RECIPIENTS == found.binds
    assert (10_000 - 10 - 25,) == found.left


def test_recipients_come_back_a_day_after_our_own_use() -> None:
    """15,000 recipients by a mailbox of 10,000: the rest goes when the first slice has left."""
    found = forecast(Job(Run(15, 1_000), T0 + 7), [FRESH], NOBODY, T0)

    assert [(T0 + 7, 10), (T0 + SLICE_S + DAY_S, 5)] == [(one.at, one.messages) for one in found.departures]
    assert RECIPIENTS == found.binds


def test_the_tenants_limit_binds_all_mailboxes() -> None:
    """A second mailbox changes a minute of a day, and the answer says why."""
    job, outside = Job(Run(200, 1, 1), T0), Outside(150, ((T0 - 300, 50),))
    one, two = (forecast(job, boxes, outside, T0) for boxes in ([FRESH], one_more([FRESH])))

    assert EXTERNAL == one.binds == two.binds
    assert [T0 + DAY_S + 360, T0 + DAY_S + 300] == [one.done_at, two.done_at]
    assert [50, 50] == [one.external_left, two.external_left]


def test_internal_mail_is_nobody_elses() -> None:
    """A tenant's limit that is used up does not hold mail inside."""
    found = forecast(Job(Run(30, 3, 0), T0), [FRESH], Outside(100, ((T0, 100),)), T0)

    assert (T0, "", 0) == (found.done_at, found.binds, found.external_left)


def test_what_waits_goes_first() -> None:
    """45 messages in front: the job begins in the second minute, with the places that are left."""
    box = Mailbox("a", MINUTE, 10_000, (), (Run(40, 2), Run(5, 1)))
    found = forecast(Job(Run(20), T0), [box], NOBODY, T0)

    assert [(T0, False, 30), (T0 + 60, False, 10), (T0 + 60, False, 5), (T0 + 60, True, 15), (T0 + 120, True, 5)] == [
        (one.at, one.of_job, one.messages) for one in found.departures
    ]  # fmt: skip
    assert (T0 + 60, T0 + 120) == (found.starts_at, found.done_at)
    assert (10_000 - 105,) == found.left


def test_without_a_job_the_end_of_what_waits_is_told() -> None:
    """For a face that shows a queue and its end; an empty queue ends now."""
    box = Mailbox("a", MINUTE, None, (), (Run(61),))

    assert T0 + 120 == forecast(Job(Run(0), T0), [box], NOBODY, T0).done_at
    empty = forecast(Job(Run(0), T0), [FRESH], NOBODY, T0)
    assert (T0, T0, "") == (empty.starts_at, empty.done_at, empty.binds)


def test_places_of_the_minute_that_are_taken_come_back() -> None:
    """Thirty are out already: the next ones go when their minute is over."""
    box = Mailbox("a", MINUTE, 10_000, taken=((T0 + 40, 10), (T0 + 20, 20)))
    found = forecast(Job(Run(40), T0), [box], NOBODY, T0)

    assert [(T0 + 20, 20), (T0 + 40, 10), (T0 + 80, 10)] == [
        (one.at, one.messages) for one in found.departures
    ]
    assert T0 == forecast(Job(Run(40), T0), [Mailbox("a", taken=((T0 + 40, 10),))], NOBODY, T0).done_at


def test_waiting_mail_does_not_wait_for_the_job() -> None:
    """What is there now goes now; the job begins at its hour."""
    box = Mailbox("a", MINUTE, 10_000, (), (Run(40),))
    found = forecast(Job(Run(10), T0 + 3_600), [box], NOBODY, T0)

    assert [T0, T0 + 60, T0 + 3_600] == [one.at for one in found.departures]
    assert "" == found.binds


def test_bulk_mail_keeps_its_hours() -> None:
    """Handed in an hour before they begin, it waits for them, and what does not fit goes the next day."""

    def opens_at(at: float) -> float:
        day, second = divmod(at - T0, DAY_S)
        return at if 3_600 <= second < 3_720 else T0 + (day + (second >= 3_720)) * DAY_S + 3_600

    found = forecast(Job(Run(70), T0, opens_at), [FRESH], NOBODY, T0)

    assert [(T0 + 3_600, 30), (T0 + 3_660, 30), (T0 + DAY_S + 3_600, 10)] == [
        (one.at, one.messages) for one in found.departures
    ]
    assert HOURS == found.binds


def test_what_can_never_go_says_so() -> None:
    """A message with more recipients than a day has, or than the tenant may reach outside."""
    for job, box, outside, cause in (
        (Run(1, 500), Mailbox("a", MINUTE, 400), NOBODY, RECIPIENTS),
        (Run(3, 200, 200), FRESH, Outside(100, ((T0, 7),)), EXTERNAL),
    ):
        found = forecast(Job(job, T0), [box], outside, T0)
        assert (None, None, cause) == (found.starts_at, found.done_at, found.binds)


def test_a_way_without_limits_has_none() -> None:
    """It takes all at once, as far as budgets are asked."""
    found = forecast(Job(Run(5_000, 2), T0), [Mailbox("connector")], NOBODY, T0)

    assert (T0, "", (None,), None) == (found.done_at, found.binds, found.left, found.external_left)


def test_an_hours_window_holds_beside_the_minutes() -> None:
    """Azure Communication Services: 30 a minute and 100 an hour."""
    found = forecast(Job(Run(250), T0), [Mailbox("acs", ((30, 60.0), (100, 3_600.0)))], NOBODY, T0)

    assert T0 + 2 * 3_600 + 60 == found.done_at


# -- properties ------------------------------------------------------------------------------------------------------

SLICES = st.lists(st.tuples(st.integers(0, 287), st.integers(0, 40)), max_size=5).map(
    lambda found: tuple((T0 - slot * SLICE_S, n) for slot, n in found)
)
RUNS = st.builds(Run, st.integers(0, 12), st.integers(1, 3), st.just(0)) | st.builds(
    lambda n, r: Run(n, r, r), st.integers(0, 12), st.integers(1, 3)
)
WINDOWS = st.sampled_from((((5, 60.0),), ((3, 60.0), (7, 600.0)), ()))
MAILBOXES = st.builds(
    Mailbox, st.just("m"), WINDOWS, st.none() | st.integers(3, 60), SLICES, st.lists(RUNS, max_size=2).map(tuple)
)  # fmt: skip
OUTSIDES = st.builds(Outside, st.none() | st.integers(3, 90), SLICES)
POOLS = st.lists(MAILBOXES, min_size=1, max_size=3)


def _job(n: int, recipients: int, is_external: int) -> Job:
    return Job(Run(n, recipients, recipients * is_external), T0 + 100)


JOBS = st.builds(_job, st.integers(1, 60), st.integers(1, 3), st.integers(0, 1))


def _most(times: list[tuple[float, int]], window_s: float) -> int:
    """The most in any half-open window of so many seconds."""
    return max((sum(n for other, n in times if at - window_s < other <= at) for at, _ in times), default=0)


@given(JOBS, POOLS, OUTSIDES)
def test_no_window_ever_holds_more_than_its_limit(job: Job, pool: list[Mailbox], outside: Outside) -> None:
    """For any instant: the messages of every window, the recipients of the day, the tenant's outside.

    What was used before counts with the whole of its slice; where it alone is over a limit, nothing is added.
    """
    found = forecast(job, pool, outside, T0)
    for place, box in enumerate(pool):
        own = [one for one in found.departures if one.mailbox == place]
        for most, seconds in box.windows:
            assert _most([(one.at, one.messages) for one in own], seconds) <= most
        if box.recipients is not None:
            taken = [(one.at, one.recipients) for one in own]
            assert _is_within(box.recipients, box.used, taken)
    if outside.limit is not None:
        assert _is_within(outside.limit, outside.used, [(one.at, one.external) for one in found.departures])


def _is_within(limit: int, used: tuple[tuple[float, int], ...], taken: list[tuple[float, int]]) -> bool:
    """Whether at every departure all that counts in the 24 hours before it fits."""
    for at, n in taken:
        before = sum(k for other, k in used if at < other + SLICE_S + DAY_S)
        now = sum(k for other, k in taken if at - DAY_S < other <= at)
        if n and before + now > limit:
            return False
    return True


@given(JOBS, POOLS, OUTSIDES)
def test_one_more_mailbox_is_never_later(job: Job, pool: list[Mailbox], outside: Outside) -> None:
    """Whatever the others have used and hold."""
    fewer, more = (forecast(job, boxes, outside, T0) for boxes in (pool, one_more(pool)))

    assert _is_no_later(more, fewer)


@given(JOBS, POOLS, OUTSIDES)
def test_one_more_message_is_never_earlier(job: Job, pool: list[Mailbox], outside: Outside) -> None:
    """And begins at the same instant."""
    longer = Job(Run(job.run.messages + 1, job.run.recipients, job.run.external), job.at)
    less, more = (forecast(one, pool, outside, T0) for one in (job, longer))

    assert less.starts_at == more.starts_at
    assert _is_no_later(less, more)


@given(JOBS, POOLS, OUTSIDES)
def test_everything_goes_once_and_in_order(job: Job, pool: list[Mailbox], outside: Outside) -> None:
    """The job's messages are exactly those that were asked about, none before its time, and time does not run back."""
    found = forecast(job, pool, outside, T0)
    own = [one for one in found.departures if one.of_job]

    assert all(first.at <= then.at for first, then in pairwise(found.departures))
    assert all(one.at >= job.at for one in own)
    if found.done_at is not None:
        assert job.run.messages == sum(one.messages for one in own)


def _is_no_later(one: Outlook, other: Outlook) -> bool:
    return other.done_at is None or (one.done_at is not None and one.done_at <= other.done_at)


@pytest.mark.parametrize("n", [0, 1, 29, 30, 31, 10_000, 10_001])
def test_the_day_of_a_mailbox_is_used_to_the_last_recipient(n: int) -> None:
    """10,000 go within 333 minutes, the next one a day after the first slice has ended."""
    found = forecast(Job(Run(n), T0), [FRESH], NOBODY, T0)
    minutes = (min(n, 10_000) - 1) // 30 if n else 0

    assert (T0 + SLICE_S + DAY_S if n > 10_000 else T0 + minutes * 60) == found.done_at
