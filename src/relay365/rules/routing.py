"""Which way: the lane for an envelope. With one route there is nothing to choose; rules come with a later version."""

from __future__ import annotations

from collections.abc import Sequence

from relay365.mail.envelope import Envelope, SubmitterFacts


def choose_lane(lanes: Sequence[str], envelope: Envelope, submitter: SubmitterFacts) -> str:
    """The first lane; the configuration guarantees that there is one."""
    return lanes[0]
