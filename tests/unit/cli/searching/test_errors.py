"""`relay365 errors`: what attempts were told, counted by what it means."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.cli.searching.errors import counted
from relay365.spool.api import State
from relay365.spool.history.trouble import Trouble

NOW = 1_000_000.0
NEVER = "451 4.9.9 Something new at 10.0.0.{} [id=abcdef12{}]"


def told(seq: int, text: str, **more: Any) -> Trouble:
    """One answer."""
    facts = {
        "at": NOW - 10,
        "row": "",
        "klass": "",
        "state": State.DELIVERED,
        "device": "copier",
        "is_later": False,
    }
    facts |= more
    return Trouble(
        facts["at"], seq, f"ID{seq}", 0, text, facts["row"], facts["klass"], "lane", facts["state"], facts["device"],
        facts["is_later"],
    )  # fmt: skip


def test_what_nobody_knows_stands_first_and_is_one_line() -> None:
    """Texts that differ only in names and ids are the same; a known row is known by its words."""
    lines = counted(
        [
            told(1, "432 4.3.2 Concurrent connections limit exceeded"),
            told(2, "432 4.3.2 Concurrent connections limit exceeded"),
            told(3, NEVER.format(1, 3)), told(4, NEVER.format(2, 4), device="ups", at=NOW - 5),
        ],
        NOW,
    )  # fmt: skip

    assert [(None, 2), ("too-many-connections", 2)] == [(line.row, line.count) for line in lines]
    assert ({"copier": 1, "ups": 1}, NEVER.format(2, 4)) == (lines[0].devices, lines[0].text)


def test_the_day_is_counted_apart_and_times_are_kept() -> None:
    """24 hours before now; first and last."""
    (line,) = counted([told(n, "421 4.4.2 Bad", at=NOW - n * 50_000.0) for n in (1, 2, 3)], NOW)

    assert (3, 1, NOW - 150_000.0, NOW - 50_000.0) == (
        line.count,
        line.count_day,
        line.first_at,
        line.last_at,
    )


def test_whether_it_heals_by_itself_is_counted_by_recipients() -> None:
    """One recipient that was told twice and delivered is one; a later failure is not healed by its delivery."""
    text = "451 4.7.0 Temporary server error. Please try again later. PRX2"
    (line,) = counted([told(1, text), told(1, text), told(2, text, state=State.FAILED)], NOW)
    (later,) = counted([told(1, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", is_later=True)], NOW)

    assert (3, 2, 1, False) == (line.count, len(line.recipients), len(line.healed), line.is_open)
    assert ("no-such-recipient", 0) == (later.row, len(later.healed))


def test_the_row_is_as_the_relay_understood_it() -> None:
    """What the attempt was classified as then is more than the words say."""
    (line,) = counted([told(1, "something", row="sender-stopped", klass="sender", state=State.QUEUED)], NOW)

    assert ("sender-stopped", "sender", True) == (line.row, line.klass, line.is_open)


def test_the_command_counts_a_queue(full_desk: Any) -> None:
    """Known rows with their titles and cures, the unknown text on top, control characters made visible; exit 1."""
    said = full_desk.run("errors")
    lines = said.stdout.splitlines()

    assert 1 == said.exit_code
    assert lines[0].startswith("NEVER SEEN  [sender]")
    assert "  do       report it: relay365 explain --unknown" in lines[:5]
    assert any(line.startswith("too-many-connections  [rate-limit]  More than three") for line in lines)
    assert "  devices  192.168.10.31 1" in lines
    assert any(
        "1, 1 in 24 h; last " in line and "went through later for 0 of 1, some still wait" in line
        for line in lines
    )
    assert "\x1b" not in said.stdout
    assert "3 answers since" in lines[-2]


def test_one_error_by_its_row_or_class(full_desk: Any) -> None:
    """And nothing else; a class is a set of rows. Exit 0: it is known and nobody need act."""
    by_row, by_class = (
        full_desk.run("errors", "--error", one, "--json") for one in ("no-such-recipient", "message")
    )
    (found,) = full_desk.objects("errors", "--error", "no-such-recipient")

    assert (0, by_row.stdout) == (by_row.exit_code, by_class.stdout)
    assert {
        "row", "class", "title", "text", "count", "count_24h", "first_at", "last_at", "devices", "recipients", "healed",
        "open", "do",
    } == set(found)  # fmt: skip
    assert (1, 1, {"192.168.10.31": 1}, "550 5.1.1 no") == (
        found["count"], found["count_24h"], found["devices"], found["text"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "words", [("--device", "nobody"), ("--since", "2100-01-01"), ("--error", "no-such-row")]
)
def test_nothing_wrong_is_said(full_desk: Any, words: tuple[str, ...]) -> None:
    """Exit 0 and one line."""
    said = full_desk.run("errors", *words)

    assert (0, True) == (said.exit_code, said.stdout.startswith("none: every attempt went well since"))
    assert [] == full_desk.objects("errors", *words)
