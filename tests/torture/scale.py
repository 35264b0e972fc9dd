"""How long a harness runs and where: its command line, and a directory that is gone afterwards."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def arguments(doc: str | None, cycles: int) -> argparse.Namespace:
    """--cycles, --seed and --only. A run is told apart by its seed, which is said at the beginning."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--cycles", type=int, default=cycles)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one part by its name, where there are parts")
    given = parser.parse_args()
    sys.stderr.write(f"cycles {given.cycles}, seed {given.seed}\n")
    return given


@contextmanager
def workplace() -> Iterator[Path]:
    """A directory for one run; what a run leaves that broke a promise stays, to be looked at."""
    place = Path(tempfile.mkdtemp(prefix="relay365-torture-"))
    try:
        yield place
    except BaseException as end:
        if isinstance(end, SystemExit) and not end.code:
            shutil.rmtree(place)
            raise
        sys.stderr.write(f"what is left stands in {place}\n")
        raise
    shutil.rmtree(place)
