"""Archive: what the black box keeps on disk, a small file for each client, and the order to learn.

Apart from the box because the command line reads and writes these files beside the service, or without it. A file is
replaced as a whole and never synced: the last sessions may be lost with the power, and no mail depends on them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from relay365.replace import put_in_place

FOLDER = "sessions"
LEARN_FILE = "learn.json"
MOST_FILES = 1000
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Order:
    """Learn what one client needs: for it the loosest safe tolerances hold between the two instants."""

    key: str
    began_at: float
    until_at: float


@lru_cache(maxsize=1024)
def key_of(device: str, address: str) -> str:
    """What a client is called on disk: by its device where it is one, else by its address."""
    return f"device-{device}" if device else f"address-{re.sub(r'[^0-9A-Za-z.]', '_', address) or 'none'}"


class Archive:
    """The folder of one data directory. Methods read and write files, so they belong into a thread."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER
        self._learn_file = data / LEARN_FILE

    def write(self, key: str, client: dict[str, Any]) -> None:
        """Replace a client's file; raises OSError."""
        replace_file(self.folder / f"{key}{_SUFFIX}", client)

    def read(self, key: str) -> dict[str, Any]:
        """What is known of a client; {} where there is nothing or it cannot be read."""
        found = _read(self.folder / f"{key}{_SUFFIX}")
        return found if isinstance(found.get("sessions"), list) else {}

    def stamps(self) -> dict[str, int]:
        """Key of each client -> when its file was last written, in nanoseconds."""
        found = {}
        with contextlib.suppress(OSError):
            for file in self.folder.glob(f"*-*{_SUFFIX}"):
                with contextlib.suppress(FileNotFoundError):
                    found[file.name.removesuffix(_SUFFIX)] = file.stat().st_mtime_ns
        return found

    def all(self) -> list[dict[str, Any]]:
        """Every client that was heard, the last one first."""
        stamps = self.stamps()
        found = (self.read(key) for key in sorted(stamps, key=lambda key: -stamps[key]))
        return [client for client in found if client]

    def prune(self) -> None:
        """Keep only the MOST_FILES that were written last."""
        stamps = self.stamps()
        for key in sorted(stamps, key=lambda key: -stamps[key])[MOST_FILES:]:
            (self.folder / f"{key}{_SUFFIX}").unlink(missing_ok=True)

    def order(self) -> Order | None:
        """The order to learn, whether it is over or not; None where there is none."""
        found = _read(self._learn_file)
        try:
            return Order(str(found["client"]), float(found["began_at"]), float(found["until_at"]))
        except (KeyError, TypeError, ValueError):
            return None

    def give_order(self, order: Order) -> None:
        """Let a running relay learn; raises OSError."""
        replace_file(
            self._learn_file,
            {"client": order.key, "began_at": order.began_at, "until_at": order.until_at},
        )


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def replace_file(file: Path, value: dict[str, Any]) -> None:
    """Write a file anew as JSON, as a whole, readable by this user only; raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(value, separators=(",", ":")))
    put_in_place(fresh, file)
