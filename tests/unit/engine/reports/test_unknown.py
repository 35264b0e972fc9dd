"""Replies nobody knows are counted and masked; the file is small, and a broken one hurts nothing."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from relay365.engine.reports.unknown import FILE, MOST, UnknownReplies, load, mask

LINE = "reply.unknown id=%s lane=%s reply=%r"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("550 5.9.9 <lena@fabrikam.com> is odd", "550 5.9.9 ADDRESS is odd"),
        ("451 4.9.9 from 203.0.113.10, later", "451 4.9.9 from IP, later"),
        ("451 4.9.9 from [2001:db8::1]", "451 4.9.9 from [IP]"),
        (
            "599 odd [CP0PR80CA0014.lamprd80.prod.outlook.com 2024-10-10T20:31:23.429Z 08DCE853B9232A86]",
            "599 odd [HOST TIME ID]",
        ),
        ("400 Odd request 6f1f3a52-6d0c-4e0b-9f0e-0d8d9d6b1e00 at 123456", "400 Odd request ID at ID"),
        ("550-5.9.9 two\r\n lines", "550-5.9.9 two lines"),
        ("550 " + "x" * 9000, "550 " + "x" * 496),
    ],
)
def test_names_are_masked_and_codes_are_not(text: str, masked: str) -> None:
    """What is left can be shown to anybody, and is the same for every message that got the same refusal."""
    assert masked == mask(text)


def test_what_the_journal_says_is_collected(tmp_path: Path) -> None:
    """Two messages with one refusal make one entry, counted; a line about something else makes none."""
    clock = FakeClock()
    unknown = UnknownReplies(tmp_path, clock)
    logger = logging.getLogger("relay365.test-alone")
    logger.addHandler(unknown)
    first_at = clock.now()
    logger.error(LINE, "4TQ921", "way", "550 5.9.9 a@x.test is odd")
    clock.pass_s(60.0)
    logger.error(LINE, "4TQ922", "way/b", "550 5.9.9 b@x.test is odd")
    logger.error("lane.held lane=%s row=%s reply=%r", "way", "x", "550 5.8.8 other")
    asyncio.run(unknown.save())
    (one,) = load(tmp_path)

    assert ("550 5.9.9 ADDRESS is odd", 2, "way/b") == (one.text, one.count, one.lane)
    assert (first_at, first_at + 60.0) == (one.first_at, one.last_at)


def test_it_counts_on_after_a_restart(tmp_path: Path) -> None:
    """The file is read at the start."""
    clock = FakeClock()
    for _ in range(2):
        unknown = UnknownReplies(tmp_path, clock)
        unknown.hear("599 odd", "way")
        asyncio.run(unknown.save())

    assert [2] == [one.count for one in load(tmp_path)]


def test_the_file_is_bounded(tmp_path: Path) -> None:
    """A remote that says something new each time fills nothing: the newest stay."""
    clock = FakeClock()
    unknown = UnknownReplies(tmp_path, clock)
    for n in range(MOST + 10):
        clock.pass_s(1.0)
        unknown.hear(f"599 odd {'ab' * (n % 20)}x{'c' * (n // 20)}", "way")
    asyncio.run(unknown.save())
    found = load(tmp_path)

    assert MOST == len(found)
    assert clock.now() == found[0].last_at


@pytest.mark.parametrize("octets", [b"", b"{", b'[{"text": 1}]', b"\xff", b"[1]"])
def test_a_broken_file_is_an_empty_one(octets: bytes, tmp_path: Path) -> None:
    """It is a help for people and never a reason not to start."""
    (tmp_path / FILE).write_bytes(octets)

    assert [] == load(tmp_path)


def test_a_full_disk_is_said_and_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the file cannot be written the journal says so."""
    unknown = UnknownReplies(tmp_path / "missing", FakeClock())
    unknown.hear("599 odd", "way")
    asyncio.run(unknown.save())

    assert "unknown.not-written" in caplog.text
