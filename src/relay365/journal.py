"""The journal: every event as one line, for people or as one JSON object. Nothing in it can forge a second line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class _Text(logging.Formatter):
    """`2026-11-24T10:02:11.204Z INFO message.accepted id=... peer=...`"""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_instant(record)} {record.levelname} {_one_line(record.getMessage())}"
        return (
            line
            if record.exc_info is None
            else f"{line} | {_one_line(self.formatException(record.exc_info))}"
        )


class _Json(logging.Formatter):
    """One object per line."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "source": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info is not None:
            event["trace"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=True)


def configure(level: str, form: str) -> None:
    """Send the journal to standard error. level: debug, info, warning, error; form: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # libraries; msal and urllib3 write tokens and addresses at debug
    logging.getLogger("relay365").setLevel(level.upper())


def _instant(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _one_line(text: str) -> str:
    """Control characters and Unicode line ends are written as escapes (log injection)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
