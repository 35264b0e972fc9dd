"""Instants and spans as people write them."""

from __future__ import annotations

import time
from datetime import datetime

import click
import pytest

from relay365.cli.words.times import Since, Span, clock_time, instant_of, local_times, span_of


@pytest.mark.parametrize(("text", "seconds"), [
    ("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("5d", 432_000.0), ("1w", 604_800.0), ("1.5h", None), ("h", None),
    ("", None), ("5 d", None), ("-1h", None),
])  # fmt: skip
def test_spans(text: str, seconds: float | None) -> None:
    """A whole number and a unit."""
    assert seconds == span_of(text)


def test_an_instant_is_an_age_a_date_or_rfc_3339(monkeypatch: pytest.MonkeyPatch) -> None:
    """What names no offset is local time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert 1_764_064_800.0 == instant_of("2025-11-25T10:00:00Z") == instant_of("2025-11-25T11:00")
        assert datetime.fromisoformat("2025-11-25T00:00:00+01:00").timestamp() == instant_of("2025-11-25")
        assert abs(time.time() - 7200.0 - (instant_of("2h") or 0.0)) < 5.0
        assert "2025-11-25 11:00:00+01:00" == clock_time(1_764_064_800.0, utc=False)
        assert "2025-11-25 10:00:00+00:00" == clock_time(1_764_064_800.0, utc=True)
        story = {
            "accepted_at": "2025-11-25T10:00:00.250Z",
            "id": "4TQ921",
            "n": 1,
            "attempts": [{"at": None}],
        }
        local = {**story, "accepted_at": "2025-11-25 11:00:00.250+01:00"}
        assert {"later": local, "at": None} == local_times({"later": story, "at": None})
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["yesterday", "2025-13-01", "", "9999999d"])
def test_what_is_no_instant(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """None, and for an option wrong use: three lines, exit 2."""
    assert None is instant_of(text)
    with pytest.raises(SystemExit) as left:
        Since().convert(text, None, None)

    assert 2 == left.value.code
    assert 'an age such as "2h" or "3d" or an instant such as' in capsys.readouterr().err


def test_options_take_what_they_have_made() -> None:
    """A default is given in seconds."""
    assert (5.0, 60.0, 1800.0) == (
        Since().convert(5.0, None, None),
        Span().convert(60.0, None, None),
        Span().convert("30m", None, None),
    )


OPTION = click.Option(["--wait"])
KINDS = {
    "plain": Span(),
    "seconds": Span("s", least="0s", most="1h"),
    "minutes": Span("m", least="1m", most="60m"),
}


@pytest.mark.parametrize(("kind", "text", "span_s"), [
    ("plain", "1w", 604_800.0), ("seconds", "60", 60.0), ("seconds", "0", 0.0), ("seconds", "1h", 3600.0),
    ("minutes", "5", 300.0), ("minutes", "90s", 90.0), ("minutes", "1h", 3600.0),
])  # fmt: skip
def test_digits_alone_have_the_unit_of_their_option(kind: str, text: str, span_s: float) -> None:
    """Where it has one; with a unit they mean the same everywhere."""
    assert span_s == KINDS[kind].convert(text, OPTION, None)


@pytest.mark.parametrize(("kind", "text", "expected"), [
    ("plain", "soon", 'expected a time such as "30s", "15m", "4h" or "5d", found soon'),
    ("plain", "", "found nothing"), ("plain", "90", "found 90"), ("plain", "0s", "expected 1s or more, found 0s"),
    ("seconds", "3601", "expected at most 1h, found 3601"), ("minutes", "59s", "expected 1m or more, found 59s"),
    ("minutes", "61", "expected at most 60m, found 61"), ("minutes", "-5", "found -5"),
])  # fmt: skip
def test_a_wrong_span_is_refused_in_three_lines(
    kind: str, text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the configuration would."""
    with pytest.raises(SystemExit) as left:
        KINDS[kind].convert(text, OPTION, None)
    said = capsys.readouterr().err.splitlines()

    assert (2, True) == (left.value.code, said[0].startswith("what: --wait "))
    assert expected in said[1]
    assert said[2].startswith("do:   ")
