"""Ten thousand malformed sessions: the relay answers in its own words, delivers the canaries, and grows by nothing."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from hostile.dialogue import session_of
from hostile.machine import storm_machine
from hostile.sessions import CANARY_EVERY, run_all
from hostile.vocabulary import strange_lines

SEED = int(os.environ.get("RELAY365_SEED", "365"))
COUNT = 10_000
COUNT_MACHINE = 4_000
MOST_GROWTH = 0.05


@pytest.mark.timeout(240)
def test_a_storm_of_malformed_sessions_leaves_the_relay_well(tmp_path: Path) -> None:
    """Ten thousand seeded sessions, fifty at once: no text that is not ours, no trace in the log, every canary
    delivered once, no connection and no descriptor left, and in the second half memory grows by less than 5 %.
    """
    found = asyncio.run(run_all(tmp_path, SEED, COUNT))

    assert [] == found.faults, f"seed {SEED}"
    assert list(range(CANARY_EVERY - 1, COUNT, CANARY_EVERY)) == found.sung
    assert COUNT == found.n_played + found.n_cut
    assert found.n_accepted > COUNT / 20, "the storm was too wild to prove anything"
    assert found.growth < MOST_GROWTH


def test_the_machine_answers_any_session_the_same_in_any_cut() -> None:
    """Four thousand sessions without a socket: nothing is raised, no text is strange, no cut changes an answer."""
    found = storm_machine(SEED + 1, COUNT_MACHINE)

    assert [] == found.faults, f"seed {SEED + 1}"
    assert COUNT_MACHINE == found.n_played


def test_a_session_can_be_made_again() -> None:
    """Seed and number name a session: that is how a fault is looked at again."""
    assert [session_of(5, n) for n in range(200)] == [session_of(5, n) for n in range(200)]
    assert session_of(5, 1) != session_of(6, 1)


@pytest.mark.parametrize(
    "leak",
    [
        b"451 4.3.0 Local error, try again later (A79)",
        b"500 5.5.2 'NoneType' object has no attribute 'encode'",
        b"250 2.1.5 Recipient OK \x1b[2J",
        b"554 5.0.0 /var/lib/relay365/spool.db is locked",
        b"Traceback (most recent call last):",
    ],
)
def test_the_judge_hears_what_is_not_ours(leak: bytes) -> None:
    """A fault of ours, the text of an exception, a control character or a path is found among good replies."""
    said = b"220 relay.test ESMTP relay365\r\n" + leak + b"\r\n221 2.0.0 relay.test closing connection\r\n"

    assert [leak] == strange_lines(said, is_whole=True)
