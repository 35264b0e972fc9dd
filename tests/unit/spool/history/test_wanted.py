"""What is wanted is judged on a message's own view, exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.spool.api import EventView, MessageView, RecipientView, State
from relay365.spool.history.wanted import Wanted, is_part, is_wanted, needle

FACTS = SubmitterFacts("lan", "192.0.2.7", helo="KMBT", login="scan", device="Kopierer [2]")
RECIPIENT = RecipientView(
    0,
    "Lena@Fabrikam.com",
    State.HELD,
    "exchange",
    1,
    None,
    "554 5.2.252 no",
    "sender",
    "not-allowed",
    False,
    None,
    "",
)
VIEW = MessageView(
    SpoolId("4TQ921"), 100.0, 900.0, 2048, "scan@contoso.com", "<a@b>", "Jürgen@contoso.com", FACTS, (RECIPIENT,),
    events=(EventView(101.0, 0, "recipient.deferred", "451 4.7.0 PRX2"),),
)  # fmt: skip


@pytest.mark.parametrize("words", [
    ("4tq921",), ("LENA@",), ("jürgen",), ("JÜRGEN@", "5.2.252"), ("kopierer [2]",), ("scan",), ("prx2",),
    ("not-allowed",), ("exchange",), (),
])  # fmt: skip
def test_words_that_are_there(words: tuple[str, ...]) -> None:
    """Letters of every alphabet are compared without their case."""
    assert is_wanted(VIEW, Wanted(words=words))


@pytest.mark.parametrize("wanted", [
    Wanted(words=("lena", "max")), Wanted(to="max"), Wanted(sender="lena"), Wanted(device="kopierer"),
    Wanted(states=frozenset({State.QUEUED})), Wanted(errors=frozenset({"rate-limit"})), Wanted(since_at=101.0),
    Wanted(until_at=100.0), Wanted(octets=(2049.0, 1e9)), Wanted(octets=(0.0, 2047.0)),
    Wanted(ids=frozenset({"222222"})),
])  # fmt: skip
def test_one_wish_that_does_not_hold_is_enough(wanted: Wanted) -> None:
    """All that is named must hold."""
    assert not is_wanted(VIEW, wanted)


@pytest.mark.parametrize("device", ["Kopierer [2]", "kopierer*", "SCAN", "192.0.2.?", "*"])
def test_a_device_is_named_whole_or_by_wildcards(device: str) -> None:
    """By device, login or address; a bracket is a bracket."""
    assert is_wanted(VIEW, Wanted(device=device))


def test_a_message_without_recipients_is_to_nobody() -> None:
    """A damaged one can be like that: it is found by other wishes."""
    nobody = replace(VIEW, recipients=())

    assert not is_wanted(nobody, Wanted(to="lena"))
    assert is_wanted(nobody, Wanted(words=("4TQ921",)))


@pytest.mark.parametrize(("pattern", "text", "holds"), [
    ("lena", "Lena@x", True), ("*@x", "Lena@x", True), ("*@x", "Lena@xy", False), ("l?na@*", "LENA@y", True),
    ("[ab]*", "a", False), ("[ab]*", "[ab]c", True), ("", "", True),
])  # fmt: skip
def test_a_part_or_a_pattern(pattern: str, text: str, *, holds: bool) -> None:
    """A wildcard makes it the whole text; nothing else is special."""
    assert holds is is_part(pattern, text)


@pytest.mark.parametrize(("text", "piece"), [
    ("Jürgen@contoso.com", "rgen@contoso.com"), ("*@x.test", "@x.test"), ('say "hello\\"', "hello"), ("ü", ""),
    ("", ""),
])  # fmt: skip
def test_a_needle_is_plain(text: Any, piece: str) -> None:
    """What a database compares without knowing letters or JSON: the longest plain piece."""
    assert piece == needle(text).strip()
