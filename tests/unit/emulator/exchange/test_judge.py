"""What all judges share: verdicts, and the moods that choose among recipients."""

from __future__ import annotations

import pytest

from fakes.clock import FakeClock
from relay365.emulator.exchange.judge import Bench, Envelope, Guest, Letter, Verdict, said
from relay365.emulator.moods import Moods


class _Plain(Bench):
    """A judge that has no rules but the moods."""

    def rcpt(self, envelope: Envelope) -> str:
        verdict = self._moody_rcpt(Guest("127.0.0.1"), envelope) or Verdict("recipient-ok")
        if verdict.is_good:
            envelope.recipients.append("x@y")
        return str(verdict.raw or verdict.text)[:12]

    def dot(self, size_octets: int) -> str:
        verdict = self._moody_dot(Guest(), Letter("a@b", ("x@y",), "", size_octets))
        return verdict.text if verdict is not None else ""


@pytest.fixture
def moods(clock: FakeClock) -> Moods:
    return Moods(clock)


def test_said() -> None:
    """A row by name or a whole reply; nothing else."""
    assert ("quota", None) == (said("quota").text, said("quota").raw)
    assert not said("421 4.3.2 bye").is_good
    with pytest.raises(ValueError, match="expected a row"):
        said("nosuch")


def test_mixed_recipients(moods: Moods) -> None:
    """`mixed` refuses every second recipient of each transaction, as often as counted, with its text."""
    moods.add({"name": "mixed", "count": 2, "text": "450 4.2.1 Later"})
    judge, envelope = _Plain("mx", moods), Envelope()

    assert [
        "recipient-ok",
        "450 4.2.1 La",
        "recipient-ok",
        "450 4.2.1 La",
        "recipient-ok",
        "recipient-ok",
    ] == [judge.rcpt(envelope) for _ in range(6)]


def test_few_recipients(moods: Moods) -> None:
    """`few` keeps those that were taken and refuses the rest of the transaction; the next one begins anew."""
    moods.add({"name": "few", "most": 2, "service": "mx"})
    judge = _Plain("mx", moods)
    first, second = Envelope(), Envelope()

    assert ["recipient-ok", "recipient-ok", "domain-recip", "domain-recip"] == [
        judge.rcpt(first) for _ in range(4)
    ]
    assert "recipient-ok" == judge.rcpt(second)


def test_small(moods: Moods) -> None:
    """`small` refuses what is larger than its number, and lets the rest pass without being counted."""
    moods.add({"name": "small", "octets": 100, "count": 1})
    judge = _Plain("submission", moods)

    assert ["", "too-big", ""] == [judge.dot(100), judge.dot(101), judge.dot(101)]


def test_a_mood_of_another_service(moods: Moods) -> None:
    """A mood of one service leaves the others alone, at the greeting as at the final dot."""
    moods.add({"name": "outage", "how": "greeting", "service": "hve"})
    moods.add({"name": "quota", "service": "hve"})
    hve, mx = _Plain("hve", moods), _Plain("mx", moods)
    greeting = hve.greeting()

    assert ("service-unavailable", None) == (greeting and greeting.text, mx.greeting())
    assert ("quota", "") == (hve.dot(1), mx.dot(1))
