"""What a reply means: the catalogue (replies.toml) and the rules for what it does not know.

Match on code, enhanced status and a fragment of the text, most specific first. Unknown is temporary and loud, except
where the remote said a final no to one recipient or one message (5yz at RCPT, MAIL or the final dot).
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from relay365.errors import TokenRefused
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import EnhancedStatus, Reply

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_CODE = re.compile(r"(?<![\d.])([2-5]\d\d)(?=[\s\-#]|$)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_AADSTS = re.compile(r"AADSTS(\d{4,8})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue. codes, statuses: any of them, empty for all; fragments: all must stand in the text.

    retry_after_s: how long the budget stays shut when the remote names no time.
    """

    id: str
    where: str
    klass: Class
    scope: Scope
    title: str
    why: tuple[str, ...]
    do: tuple[str, ...]
    source: str
    codes: tuple[int, ...] = ()
    statuses: tuple[str, ...] = ()
    fragments: tuple[str, ...] = ()
    retry_after_s: float | None = None

    def matches(self, code: int, status: str, text: str) -> bool:
        """Whether the row speaks of this reply; text is in lower case."""
        return (
            (not self.codes or code in self.codes)
            and (not self.statuses or status in self.statuses)
            and all(fragment in text for fragment in self.fragments)
        )

    @property
    def weight(self) -> tuple[int, int, int]:
        """How specific the row is: long fragments before statuses before codes."""
        return (sum(len(f) for f in self.fragments), len(self.statuses) and 1, len(self.codes) and 1)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a pasted text means; row None says that the catalogue does not know it."""

    row: Row | None
    klass: Class
    scope: Scope


@cache
def catalogue() -> tuple[Row, ...]:
    """All rows, most specific first."""
    tables = tomllib.loads(files("relay365.routes").joinpath("replies.toml").read_text("utf-8"))["row"]
    return tuple(sorted((_row(table) for table in tables), key=lambda row: row.weight, reverse=True))


def _row(table: dict[str, object]) -> Row:
    values: dict[str, object] = {}
    for key, value in table.items():
        name = "klass" if key == "class" else key
        values[name] = tuple(value) if isinstance(value, list) else value
    values["klass"] = Class(values["klass"])
    values["scope"] = Scope(values["scope"])
    values["fragments"] = tuple(str(f).lower() for f in values.get("fragments", ()))  # type: ignore[attr-defined]
    return Row(**values)  # type: ignore[arg-type]  # the catalogue's own test reads every row


@cache
def _smtp_rows_by_code() -> dict[int, tuple[Row, ...]]:
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in catalogue():
        if row.where == "smtp":
            for code in row.codes or range(400, 600):
                rows[code].append(row)
    return {code: tuple(found) for code, found in rows.items()}


def outcome_of(reply: Reply, stage: str) -> Outcome:
    """What a reply makes of its recipient. stage: connect, auth, mail, rcpt or data (DATA and the final dot)."""
    words = str(reply)
    if reply.is_positive:
        found = _MESSAGE_ID.search(words)
        return Outcome(
            Kind.DELIVERED, status=reply.status, reply_text=words, remote_id=found[0] if found else ""
        )
    status, text = str(reply.status or ""), words.lower()
    for row in _smtp_rows_by_code().get(reply.code, ()):
        if row.matches(reply.code, status, text):
            kind = Kind.FAILED if row.klass is Class.MESSAGE else Kind.DEFERRED
            return Outcome(kind, row.scope, row.klass, reply.status, words, row.id, row.retry_after_s)
    return _unknown(reply, stage, words)


def _unknown(reply: Reply, stage: str, words: str) -> Outcome:
    if reply.is_temporary or stage == "connect":
        scope = Scope.RECIPIENT if stage == "rcpt" else Scope.ROUTE if stage == "connect" else Scope.MESSAGE
        return Outcome(Kind.DEFERRED, scope, Class.TRANSIENT, reply.status, words)
    if stage == "auth":
        return Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, reply.status, words)
    scope = Scope.RECIPIENT if stage == "rcpt" else Scope.MESSAGE
    return Outcome(Kind.FAILED, scope, Class.MESSAGE, reply.status, words)


def outcome_of_token(refused: TokenRefused) -> Outcome:
    """What a refused token makes of every recipient: it waits; for the directory, or for a person."""
    row = _token_row(refused.error, refused.number)
    if refused.temporary:
        klass = Class.TRANSIENT
    elif row is not None:
        klass = row.klass
    else:
        klass = Class.CONFIGURATION
    retry_after_s = row.retry_after_s if row is not None else None
    words = f"no token: {refused.text}"
    return Outcome(Kind.DEFERRED, Scope.TENANT, klass, None, words, row.id if row else "", retry_after_s)


def _token_row(error: str, number: int) -> Row | None:
    """By AADSTS number for the advice; by OAuth error name where the number is unknown."""
    token_rows = [row for row in catalogue() if row.where == "token"]
    for row in token_rows:
        if number in row.codes:
            return row
    return next((row for row in token_rows if not row.codes and error in row.statuses), None)


def explain(text: str, where: str = "") -> Explanation:
    """Read a pasted text of any shape: a log line, a reply, an NDR, a JSON error body, an AADSTS string."""
    flat = " ".join(text.split())
    number = _AADSTS.search(flat)
    if number and where in ("", "token"):
        row = _token_row("", int(number[1]))
        return Explanation(row, row.klass if row else Class.CONFIGURATION, row.scope if row else Scope.TENANT)
    code_found, status_found = _CODE.search(flat), _STATUS.search(flat)
    status = status_found[1] if status_found else ""
    code = int(code_found[1]) if code_found else int(status[0]) * 100 if status else 0
    for row in catalogue():
        if row.where == (where or "smtp") and _speaks_of(row, code, status, flat.lower(), bool(code_found)):
            return Explanation(row, row.klass, row.scope)
    if code >= 500:
        return Explanation(None, Class.MESSAGE, Scope.MESSAGE)
    return Explanation(None, Class.TRANSIENT, Scope.MESSAGE)


def _speaks_of(row: Row, code: int, status: str, text: str, has_code: bool) -> bool:
    """Whether a row fits a pasted text, in which the basic code may be missing."""
    codes_fit = (
        not row.codes
        or code in row.codes
        or (not has_code and (bool(row.fragments) or status in row.statuses))
    )
    return (
        codes_fit and (not row.statuses or status in row.statuses) and all(f in text for f in row.fragments)
    )


__all__ = ["EnhancedStatus", "Explanation", "Row", "catalogue", "explain", "outcome_of", "outcome_of_token"]
