"""GraphAnswer: what Graph, or whatever stands in front of it, answered to one request; never raises for its content.

Apart from the client, which knows connections: this knows the shape of an error. A proxy's HTML page and JSON that
was cut off are answers, too. (Microsoft: "Microsoft Graph error responses and resource types"; RFC 9110 10.2.3)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^<>]*+>", re.IGNORECASE | re.DOTALL)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\uffff]+")
_TEXT = 400  # characters of a page that is no JSON


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """status: HTTP's. headers: by name in lower case. octets: of the body; is_cut: there were more than we read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    octets: bytes = b""
    is_cut: bool = False

    @property
    def request_id(self) -> str:
        """What Microsoft's support asks for."""
        return self.headers.get("request-id", "")

    def json(self) -> dict[str, Any]:
        """The body as an object; an empty one where it is none."""
        try:
            found = json.loads(self.octets)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def error(self) -> tuple[str, str]:
        """Code and message of the error body; without one the code is "" and the message what can be read."""
        found = self.json().get("error")
        if isinstance(found, dict):
            return _line(found.get("code", "")), _line(found.get("message", ""))
        text = self.octets[: 16 * _TEXT].decode("utf-8", "replace")
        return "", _line(_TAGS.sub(" ", text))

    def retry_after_s(self, now: float) -> float | None:
        """What Retry-After asks for, in seconds from now, 0 where that has passed; None where it says nothing.

        now: epoch seconds; a date counts from the answer's own Date, so that no clock has to be right.
        """
        value = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[+-]?\d{1,9}(?:\.\d{1,6})?", value):
            return max(0.0, float(value))
        until = _instant(value)
        if until is None:
            return None
        at = _instant(self.headers.get("date", ""))
        return max(0.0, until - (now if at is None else at))


def _instant(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _line(words: object) -> str:
    text = words if isinstance(words, str) else json.dumps(words)
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:_TEXT]
