"""What can be seen of a process from outside: its memory, its descriptors, its connections, and its log."""

from __future__ import annotations

import re
from pathlib import Path

_TROUBLE = re.compile(r"Traceback|\b(?:ERROR|CRITICAL)\b")


def memory_octets(pid: int) -> int:
    """Resident memory that is the process's own; pages of mapped files come and go with the disk cache."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")


def peak_octets(pid: int) -> int:
    """The most resident memory, pages of files included, since the last forget_peak()."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")


def forget_peak(pid: int) -> None:
    """Let peak_octets() begin anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def n_descriptors(pid: int) -> int:
    """Open file descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def n_sessions(port: int) -> int:
    """Connections on this side of a listening port of IPv4, in any state but those that only the system keeps."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    suffix = f":{port:04X}"
    return sum(row[1].endswith(suffix) and row[3] in ("01", "08") for row in rows)  # ESTABLISHED, CLOSE_WAIT


def troubles(log: str) -> list[str]:
    """Lines of a text log that no peer may be able to cause: faults of ours, and anything at level error."""
    return [line for line in log.splitlines() if _TROUBLE.search(line)]
