"""A core of its own for the peer, the others for load and sink: printers and the next hop run on machines of theirs.

What is started inherits where it may run (sched_setaffinity(2)), Postfix's processes too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.measure import PEERS, Figures, Run, Start
from bench.peers import Peer, PeerFailed

_CORES = os.sched_getaffinity(0)
_OF_THE_PEER = {max(_CORES)}


def apart(run: Run) -> Run:
    """The same run with this process, and what it starts, off the peer's core."""

    def run_apart(name: str, folder: Path) -> Figures:
        if len(_CORES) < 2:
            raise PeerFailed("there is one core only")
        with _on(_CORES - _OF_THE_PEER):
            return run(name, folder)

    return run_apart


def _alone(start: Start) -> Start:
    @contextmanager
    def on_its_core(folder: Path, sink_port: int) -> Iterator[Peer]:
        with ExitStack() as stack:
            with _on(_OF_THE_PEER):
                peer = stack.enter_context(start(folder, sink_port))
            yield peer

    return on_its_core


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


ALONE = {name: _alone(start) for name, start in PEERS.items()}
"""The peers of bench.measure, each on one core; for runs that are apart()."""
