"""The counts of one client, and how they go on from what its file said before."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from fakes.clock import FakeClock
from relay365.engine.blackbox.archive import Order
from relay365.engine.blackbox.heard import DAY_S, MOST_NAMES, Heard, closed
from relay365.engine.blackbox.recording import HUNG_UP, Recording, Tally
from relay365.mail.envelope import SubmitterFacts
from relay365.rules.client import Client

FACTS = SubmitterFacts("lan", "192.168.10.31", 4711, "copier", tls="TLSv1.2 X", login="scan")


def session(clock: FakeClock, *, n_accepted: int = 1, n_refused: int = 0, **tolerated: int) -> Recording:
    one = Recording(clock)
    one.facts, one.client = FACTS, Client("R3", "device copier", "copier")
    one.tally = Tally(n_accepted, n_refused, ["4TQ921"] * n_accepted, "scan@a.test", Counter(tolerated))
    one.said(b"220 relay.test\r\n")
    one.ends(HUNG_UP)
    return one


def test_what_was_done_is_counted() -> None:
    """Messages, refusals, and each tolerance by how often it was needed."""
    heard, clock = Heard("device-copier", 5), FakeClock()
    heard.take(session(clock, no_brackets=2), clock.now())
    heard.take(session(clock, n_accepted=0, n_refused=3, no_brackets=1), clock.now())
    counted = heard.counted()

    assert (1, 1, 3) == (counted["messages"], counted["messages_today"], counted["refused"])
    assert {"no_brackets": 3} == counted["tolerated"]


def test_today_begins_anew_with_each_day() -> None:
    """In UTC, as everything that is stored."""
    heard, clock = Heard("device-copier", 5), FakeClock(10 * DAY_S - 1.0)
    heard.take(session(clock), clock.now())
    clock.pass_s(2)
    heard.take(session(clock), clock.now())

    assert (2, 1, 10) == tuple(heard.counted()[key] for key in ("messages", "messages_today", "day"))


def test_a_client_is_written_with_who_it_is_and_what_it_said() -> None:
    """The last session says who it is; the lines and the reading of each are there."""
    heard, clock = Heard("device-copier", 5), FakeClock()
    one = session(clock)
    heard.take(one, clock.now())
    written = heard.written(heard.counted(), [one])

    assert (
        "copier",
        "192.168.10.31",
        "copier",
        "scan",
        "TLSv1.2 X",
        "R3",
        "device copier",
        "scan@a.test",
    ) == tuple(
        written[key] for key in ("device", "address", "helo", "login", "tls", "rule", "rule_name", "sender")
    )
    (shown,) = written["sessions"]
    assert ("192.168.10.31:4711", True, 1, ["4TQ921"]) == tuple(
        shown[k] for k in ("peer", "ended", "messages", "ids")
    )
    assert [[0, "relay", "220 relay.test"], [0, "note", HUNG_UP]] == shown["lines"]
    assert "gave 1 message" == shown["reading"] == written["reading"]


def test_counts_and_sessions_go_on_from_the_file() -> None:
    """A restart of the service forgets nothing but what was not written."""
    clock = FakeClock()
    before = Heard("device-copier", 3)
    old = [session(clock, no_brackets=1) for _ in range(3)]
    for one in old:
        before.take(one, clock.now())
    after = Heard("device-copier", 3)
    after.earlier = before.written(before.counted(), old)
    clock.pass_s(5)
    new = session(clock, no_brackets=1)
    after.take(new, clock.now())
    written = after.written(after.counted(), [new])

    assert (4, 4, {"no_brackets": 4}) == (
        written["messages"],
        written["messages_today"],
        written["tolerated"],
    )
    assert [0.0, 0.0, 5.0] == [one["began_at"] - clock.now() + 5 for one in written["sessions"]]
    assert written["first_heard_at"] == old[0].began_at


def test_messages_of_another_day_are_not_todays() -> None:
    """The file says of which day its number is."""
    clock = FakeClock(10 * DAY_S)
    heard = Heard("device-copier", 3)
    one = session(clock)
    heard.take(one, clock.now())
    heard.earlier = {"messages": 7, "messages_today": 7, "day": 9, "sessions": []}

    assert (8, 1) == tuple(heard.written(heard.counted(), [one])[k] for k in ("messages", "messages_today"))


def test_pieces_and_names_go_on_from_the_file() -> None:
    """How many pieces of divided mail it sent, the last one, and what it calls itself, in small letters."""
    clock = FakeClock()
    before, heard = Heard("device-copier", 3), Heard("device-copier", 3)
    old, new = session(clock), session(clock)
    old.tally.n_pieces, old.tally.piece = 5, "5/5"
    new.facts = replace(FACTS, helo="Other")
    before.take(old, clock.now())
    heard.earlier = before.written(before.counted(), [old])
    heard.take(new, clock.now())
    written = heard.written(heard.counted(), [new])
    before.take(new, clock.now())

    assert "5/5" == before.counted()["piece"]
    assert (5, "5/5", ["copier", "other"]) == (written["pieces"], written["piece"], written["names"])


def test_names_are_bounded() -> None:
    """Whoever calls itself something else each time fills nothing."""
    heard, clock = Heard("address-x", 3), FakeClock()
    for n in range(MOST_NAMES + 5):
        one = session(clock)
        one.facts = replace(FACTS, helo=f"n{n:02}")
        heard.take(one, clock.now())

    assert [f"n{n:02}" for n in range(MOST_NAMES)] == heard.counted()["names"]


def test_a_session_that_goes_on_is_written_as_it_stands() -> None:
    """And again when there is more of it; one that has ended is made readable once."""
    heard, clock = Heard("device-copier", 3), FakeClock()
    one = Recording(clock)
    one.said(b"220 relay.test\r\n")
    first = heard.written(heard.counted(), [one])["sessions"][0]
    one.said(b"250 OK\r\n")
    one.ends("QUIT")
    second = heard.written(heard.counted(), [one])["sessions"][0]

    assert (False, 1, "still here") == (first["ended"], len(first["lines"]), first["reading"])
    assert (True, 2) == (second["ended"], len(second["lines"]))
    assert second is heard.written(heard.counted(), [one])["sessions"][0]


def test_learning_counts_only_its_own_sessions() -> None:
    """What was needed before the order, and by an earlier one, is not in the proposal."""
    heard, clock = Heard("device-copier", 3), FakeClock()
    heard.take(session(clock, odd_helo=1), clock.now())
    for began_at in (1.0, 2.0):
        heard.learns(Order("device-copier", began_at, 600.0))
        one = session(clock, no_brackets=2)
        one.is_learning = True
        heard.take(one, clock.now())
    heard.learns(Order("device-copier", 2.0, 600.0))

    assert {
        "began_at": 2.0,
        "until_at": 600.0,
        "sessions": 1,
        "tolerated": {"no_brackets": 2},
    } == heard.counted()["learning"]


def test_no_session_of_a_service_that_ended_goes_on() -> None:
    """What a crash left open is closed when the file is read again."""
    heard, clock = Heard("device-copier", 3), FakeClock()
    (session_,) = closed(heard.written(heard.counted(), [Recording(clock)]))["sessions"]

    assert (True, "was open when the relay ended") == (session_["ended"], session_["reading"])
