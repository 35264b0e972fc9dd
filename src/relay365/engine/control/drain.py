"""Drain: the order to take no mail any more and to deliver what waits, as it lies in the data directory for `status`.

Apart from whoever obeys it (app.live.draining). Not a freeze (spool.waiting.freeze), which holds over a restart: the
order has the number of the process that obeys it, and with another one, or none, it is void.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from relay365.replace import put_in_place

FILE = "drain.json"
LONGEST_S = 86_400.0
"""How long a relay may take no mail at the most: devices lose theirs meanwhile, and an order may be forgotten."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One order. Instants are epoch seconds; stops: whether the service ends when it is empty; by: who gave it."""

    pid: int
    began_at: float
    until_at: float
    stops: bool = False
    by: str = ""


def read_drain(data: Path, pid: int | None) -> Drain | None:
    """The order that the process obeys which has the data directory; None where there is none, or it cannot be read."""
    try:
        found = json.loads((data / FILE).read_text("utf-8"))
        order = Drain(
            int(found["pid"]), float(found["began_at"]), float(found["until_at"]), bool(found["stops"]),
            str(found["by"]),
        )  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return order if order.pid == pid else None


def write_drain(data: Path, order: Drain) -> None:
    """Show it, as a whole; raises OSError."""
    fresh = data / f"{FILE}.new"
    fresh.write_text(json.dumps(asdict(order)) + "\n", "utf-8")
    put_in_place(fresh, data / FILE)


def forget_drain(data: Path) -> None:
    """Nothing is drained any more; raises OSError."""
    (data / FILE).unlink(missing_ok=True)
