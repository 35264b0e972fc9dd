"""Site: what every route is built with beside its table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """helo: our name in EHLO. base: what relative paths are relative to; data: the data directory."""

    helo: str
    base: Path
    data: Path
