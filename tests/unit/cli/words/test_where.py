"""Filter words: what each means, and what is said of one that cannot be read."""

from __future__ import annotations

import time
from typing import Any

import pytest

from relay365.cli.words.where import person, read_where
from relay365.spool.api import State
from relay365.spool.history.wanted import Wanted

NOTHING = Wanted()


@pytest.mark.parametrize(("text", "wanted"), [
    ("", NOTHING),
    ("id:4tq921,4TQ922", Wanted(ids=frozenset({"4TQ921", "4TQ922"}))),
    ("from:scan@ to:*@x.test", Wanted(sender="scan@", to="*@x.test")),
    ("device:copier", Wanted(device="copier")),
    ("state:held,queued", Wanted(states=frozenset({State.HELD, State.QUEUED}))),
    ("error:rate-limit", Wanted(errors=frozenset({"rate-limit"}))),
    ("size>10K", Wanted(octets=(10_241.0, float("inf")))),
    ("size>=10K size<2M", Wanted(octets=(10_240.0, 2_097_151.0))),
    ("size:3", Wanted(octets=(3.0, float("inf")))),
    ('subject:"Scan from 2F"', Wanted(subject="Scan from 2F")),
    ("lena 5.7.57 text:a:b", Wanted(words=("lena", "5.7.57", "a:b"))),
    ("since:2025-11-25T10:00:00Z until:2025-11-25T11:00:00Z", Wanted(since_at=1_764_064_800.0,
                                                                     until_at=1_764_068_400.0)),
])  # fmt: skip
def test_what_each_word_means(text: str, wanted: Wanted) -> None:
    """All of them narrow; the rest stays as it was."""
    assert wanted == read_where(text, NOTHING)


def test_ages_are_instants() -> None:
    """Older than ten minutes, younger than two hours."""
    found = read_where("age>10m age<2h", NOTHING)

    assert abs(time.time() - 600.0 - found.until_at) < 5.0
    assert abs(time.time() - 7200.0 - found.since_at) < 5.0


@pytest.mark.parametrize(("text", "why"), [
    ("colour:red", "colour is no word of a filter"), ("state:lost", "there is no state lost"),
    ("age:red", "age is compared with a span"), ("size>big", "size is compared with a size such as"),
    ("since:soon", "since wants an age"), ("to>x", "to is followed by a colon"), ('subject:"x', "No closing quotation"),
])  # fmt: skip
def test_what_cannot_be_read_is_said(text: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, three lines, with the words that there are."""
    with pytest.raises(SystemExit) as end:
        read_where(text, NOTHING)
    said = capsys.readouterr().err

    assert 2 == end.value.code
    assert said.startswith("what: --where ") and why in said and "do:   words are id from to device" in said


def test_who_acts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one behind sudo; what comes from outside cannot forge a line."""
    monkeypatch.setenv("SUDO_USER", "alice")

    assert "a person (alice): change\x3fwindow" == person("change\nwindow")
    assert "a person (alice)" == person()


@pytest.mark.parametrize("error", [KeyError, ImportError, OSError])
def test_a_user_without_a_name_is_a_person(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """In a container there may be no entry for a user; on Windows nobody knows one but USERNAME (getpass.getuser)."""

    def nobody() -> Any:
        raise error

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", nobody)

    assert "a person" == person()
