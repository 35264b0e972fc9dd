"""The search finds messages by all that is known of them, newest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.errors import SpoolError
from relay365.spool.api import State
from relay365.spool.history.search import History
from relay365.spool.history.wanted import Wanted
from relay365.spool.ids import seq_of


def test_without_a_wish_everything_is_found_newest_first(past: Any) -> None:
    """And the limit keeps the newest."""
    assert ["fax", "ups-2", "copier"] == past.found(Wanted())
    assert ["fax", "ups-2"] == past.found(Wanted(), limit=2)


@pytest.mark.parametrize(("word", "devices"), [
    ("lena@fab", ["copier"]), ("LENA", ["copier"]), ("copier", ["copier"]), ("relay.test", ["fax", "ups-2", "copier"]),
    ("Concurrent", ["copier"]), ("hostname=am0pr04", ["copier"]), ("<x@AM0PR04>", ["copier"]), ("4.9.9", ["fax"]),
    ("no-such-recipient", ["ups-2"]), ("192.168.10.31", ["fax", "ups-2", "copier"]), ("max_1", ["ups-2"]),
    ("max%1", []), ("KMBT", ["fax", "ups-2", "copier"]), ("toaster", []), ("rate-limit", []),
])  # fmt: skip
def test_a_word_may_stand_anywhere(past: Any, word: str, devices: list[str]) -> None:
    """In names, people, answers of every attempt, rows; in any case; % and _ stand for themselves."""
    assert devices == past.found(Wanted(words=(word,)))


def test_every_word_must_be_there(past: Any) -> None:
    """A message that has only one of them is not meant."""
    assert ["copier"] == past.found(Wanted(words=("scan@contoso.com", "lena")))
    assert [] == past.found(Wanted(words=("ups-2", "lena")))


def test_an_id_is_found_as_a_word_and_in_any_case(past: Any) -> None:
    """Alone, and beside another word."""
    name = past.ids["ups-2"].lower()

    assert ["ups-2"] == past.found(Wanted(words=(name,)))
    assert ["ups-2"] == past.found(Wanted(words=(name, "max_1")))
    assert [] == past.found(Wanted(words=(name, "lena")))
    assert [] == past.found(Wanted(ids=frozenset({"no id"})))
    assert ["fax", "ups-2"] == past.found(Wanted(ids=frozenset(map(past.ids.get, ("fax", "ups-2")))))


@pytest.mark.parametrize(("wanted", "devices"), [
    (Wanted(to="contoso.com"), ["fax", "ups-2"]), (Wanted(to="*@fabrikam.com"), ["copier"]), (Wanted(to="lena*x"), []),
    (Wanted(sender="scan@"), ["fax", "ups-2", "copier"]), (Wanted(sender="lena"), []),
    (Wanted(device="UPS-?"), ["ups-2"]), (Wanted(device="ups"), []), (Wanted(device="192.168.10.*"),
                                                                     ["fax", "ups-2", "copier"]),
    (Wanted(states=frozenset({State.QUEUED})), ["fax"]),
    (Wanted(states=frozenset({State.FAILED, State.QUEUED})), ["fax", "ups-2"]),
    (Wanted(states=frozenset({State.DELIVERED})), ["copier"]), (Wanted(states=frozenset({State.HELD})), []),
    (Wanted(errors=frozenset({"no-such-recipient"})), ["ups-2"]), (Wanted(errors=frozenset({"transient"})), ["fax"]),
    (Wanted(octets=(1000.0, float("inf"))), ["ups-2"]), (Wanted(octets=(0.0, 999.0)), ["fax", "copier"]),
])  # fmt: skip
def test_each_wish_narrows(past: Any, wanted: Wanted, devices: list[str]) -> None:
    """People, devices, states, rows and sizes."""
    assert devices == past.found(wanted)


def test_time_has_a_beginning_and_an_end(past: Any) -> None:
    """By when it was accepted, whatever the numbers are."""
    at = past.ask(lambda history: history.find(Wanted(words=("ups-2",)), 1))[0].accepted_at

    assert ["fax", "ups-2"] == past.found(Wanted(since_at=at))
    assert ["copier"] == past.found(Wanted(until_at=at))
    assert ["ups-2"] == past.found(Wanted(since_at=at, until_at=at + 1))
    assert [] == past.found(Wanted(since_at=at + 1, until_at=at + 2, words=("copier",)))


def test_a_subject_is_found_where_the_content_is_kept(past: Any) -> None:
    """Inline, in a segment and encoded; a delivered message has none any more."""
    assert ["ups-2"] == past.found(Wanted(subject="grün"))
    assert ["fax"] == past.found(Wanted(subject="ALARM"))
    assert [] == past.found(Wanted(subject="Scan from"))


def test_a_missing_segment_is_no_subject(past: Any) -> None:
    """And no error: the search goes on."""
    for file in (past.directory / "segments").iterdir():
        file.unlink()

    assert [] == past.found(Wanted(subject="grün"))
    assert ["fax"] == past.found(Wanted(subject="alarm"))


def test_only_among_some_numbers(past: Any) -> None:
    """What an attempt was told is a set of numbers; the other wishes hold in it."""
    among = {seq_of(past.ids["copier"]), seq_of(past.ids["fax"]), 4711}

    assert ["fax", "copier"] == past.found(Wanted(), among=among)
    assert ["copier"] == past.found(Wanted(to="lena"), among=among)
    assert ["copier"] == past.found(Wanted(words=("exceeded",)), among=among)
    assert [] == past.found(Wanted(), among=set())


def test_what_was_taken_since_a_number(past: Any) -> None:
    """One line for each recipient, with its state and end."""
    first = seq_of(past.ids["copier"])
    found = past.ask(lambda history: history.taken_since(first))

    assert [State.FAILED, State.QUEUED] == [one.state for one in found]
    assert [True, False] == [one.settled_at is not None for one in found]
    among = past.ask(lambda history: history.taken_among({first, 4711}))
    assert [(first, State.DELIVERED)] == [(one.seq, one.state) for one in among]
    assert seq_of(past.ids["fax"]) == past.ask(lambda history: history.last_number())
    assert {seq_of(past.ids["fax"])} == past.ask(lambda history: history.numbers_waiting())


def test_a_row_is_given_for_who_writes_it_out(past: Any) -> None:
    """By id in any case; None for none."""
    row = past.ask(lambda history: history.row(past.ids["fax"].lower()))

    assert ("scan@contoso.com", "<fax@relay.test>") == (row.reverse_path, row.message_id)
    assert None is past.ask(lambda history: history.row("no id"))


def test_no_queue_is_said(tmp_path: Path) -> None:
    """There is no history of a relay that never ran."""
    with pytest.raises(SpoolError):
        History(tmp_path, FakeClock())


def test_a_list_needs_no_events_unless_a_word_may_stand_in_them(past: Any) -> None:
    """It is quicker without; what an attempt was told before is found all the same."""

    def asked(wanted: Wanted) -> list[int]:
        views = past.ask(lambda history: history.find(wanted, 9, with_events=False))
        return [len(view.events) for view in views]

    assert [0, 0, 0] == asked(Wanted())
    assert [5] == asked(Wanted(words=("exceeded",)))
