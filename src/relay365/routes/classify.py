"""What a reply means: the catalogue (replies.toml) and the rules for what it does not know.

Match on code, enhanced status and a fragment of the text, most specific first. Unknown is temporary and loud, except
where the remote said a final no to one recipient or one message (5yz at RCPT, MAIL or the final dot).
(RFC 5321 4.2.1, RFC 3463; Microsoft: "Non-delivery reports in Exchange Online", "Authenticate an IMAP, POP or SMTP
connection using OAuth", "Microsoft Entra authentication and authorization error codes", read 2026-11)
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from relay365.errors import TokenRefused
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import EnhancedStatus, Reply

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
# In pasted text a code is most trustworthy in front of its status, then alone; a final no tells more than an OK.
_PAIR = re.compile(r"(?<![\d.])([2-5]\d\d)[\s\-#]+([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.])([2-5]\d\d)(?=[\s\-#]|$)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_HTTP = re.compile(r"(?<![\w.\-])([45]\d\d)(?![\w.\-])")
_REPLY_LINE = re.compile(r"(\d{3})([ \-])(?:\d\.\d{1,3}\.\d{1,3} )?")
_AADSTS = re.compile(r"AADSTS(\d{4,8})|error_codes\W{1,4}(\d{4,8})", re.IGNORECASE)
_WORD = re.compile(r"[a-z_]+")
_GRAPH = re.compile(r"[\"']error[\"']\s*:\s*\{", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue. codes, statuses: any of them, empty for all; fragments: all must stand in the text.

    where: smtp, token, graph, or relay for what we say ourselves.
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

    @classmethod
    def of(cls, row: Row) -> Explanation:
        """A row explains itself."""
        return cls(row, row.klass, row.scope)


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
    values["statuses"] = tuple(_spelled_out(values.get("statuses", ())))  # type: ignore[arg-type]
    values["fragments"] = tuple(str(f).lower() for f in values.get("fragments", ()))  # type: ignore[attr-defined]
    return Row(**values)  # type: ignore[arg-type]  # the catalogue's own test reads every row


def _spelled_out(statuses: Iterable[str]) -> Iterator[str]:
    """`4.7.500-502` as three statuses."""
    for status in statuses:
        stem, _, detail = status.rpartition(".")
        first, dash, last = detail.partition("-")
        if dash:
            yield from (f"{stem}.{n}" for n in range(int(first), int(last) + 1))
        else:
            yield status


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
    if 200 <= reply.code < 300:
        found = _MESSAGE_ID.search(words)
        remote_id = found[0] if found else ""
        return Outcome(Kind.DELIVERED, status=reply.status, reply_text=words, remote_id=remote_id)
    status, text = str(reply.status or ""), words.lower()
    for row in _smtp_rows_by_code().get(reply.code, ()):
        if row.matches(reply.code, status, text):
            is_final = row.klass is Class.MESSAGE and not reply.is_temporary  # 4yz is never a final no
            kind = Kind.FAILED if is_final else Kind.DEFERRED
            return Outcome(kind, row.scope, row.klass, reply.status, words, row.id, row.retry_after_s)
    return _unknown(reply, stage, words)


def _unknown(reply: Reply, stage: str, words: str) -> Outcome:
    """What no row knows: the code's first digit and the stage decide."""
    scope = {"connect": Scope.ROUTE, "auth": Scope.MAILBOX, "rcpt": Scope.RECIPIENT}.get(stage, Scope.MESSAGE)
    if reply.code < 400:  # a 3yz that nobody asked for; after the final dot it says neither yes nor no
        kind = Kind.UNCERTAIN if stage == "data" else Kind.DEFERRED
        return Outcome(kind, scope, Class.TRANSIENT, reply.status, words)
    if reply.is_temporary or stage == "connect":
        return Outcome(Kind.DEFERRED, scope, Class.TRANSIENT, reply.status, words)
    if stage == "auth":
        return Outcome(Kind.DEFERRED, scope, Class.CONFIGURATION, reply.status, words)
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
    """Read a pasted text of any shape: a log line, a reply, an NDR, a JSON error body, an AADSTS string.

    where: smtp, token, graph, ndr, or "" where the person does not know. Never raises, whatever the text is.
    """
    mark = text.strip().lower()
    named = next((row for row in catalogue() if row.id == mark), None)
    if named is not None:
        return Explanation.of(named)
    readers = {"token": _explain_token, "graph": _explain_graph, "": _explain_anything}
    return readers.get(where, _explain_reply)(_flat(text))


def _flat(text: str) -> str:
    """One line: quoted-printable breaks, the codes of continued reply lines and all white space are taken out."""
    words: list[str] = []
    continued = ""
    for line in text.replace("=\r\n", "").replace("=\n", "").splitlines():
        found = _REPLY_LINE.match(line)
        goes_on = found is not None and found[1] == continued
        words += line[found.end() :].split() if found is not None and goes_on else line.split()
        continued = found[1] if found is not None and found[2] == "-" else ""
    return " ".join(words)


def _explain_anything(flat: str) -> Explanation:
    """AADSTS is unmistakable; then SMTP; then what looks like a JSON error."""
    if _AADSTS.search(flat):
        return _explain_token(flat)
    if _GRAPH.search(flat):
        return _explain_graph(flat)
    found = _explain_reply(flat)
    if found.row is None and "_" in _oauth_name(flat):  # `timeout` alone is anybody's word
        return _explain_token(flat)
    return found


def _oauth_name(flat: str) -> str:
    """The first OAuth error name of the catalogue that stands in a text, or ""."""
    names = {name for row in catalogue() if row.where == "token" for name in row.statuses}
    return next((word for word in _WORD.findall(flat.lower()) if word in names), "")


def _explain_token(flat: str) -> Explanation:
    number, bare = _AADSTS.search(flat), re.fullmatch(r"\d{4,8}", flat)
    digits = (number[1] or number[2]) if number else bare[0] if bare else "0"
    row = _token_row(_oauth_name(flat), int(digits))
    return Explanation.of(row) if row else Explanation(None, Class.CONFIGURATION, Scope.TENANT)


def _explain_graph(flat: str) -> Explanation:
    found = _HTTP.search(flat)
    code, text = int(found[1]) if found else 0, flat.lower()
    for row in catalogue():
        names_it = bool(row.fragments) and all(f in text for f in row.fragments)
        if row.where == "graph" and (names_it or (not row.fragments and code in row.codes)):
            return Explanation.of(row)
    if 400 <= code < 500:
        return Explanation(None, Class.MESSAGE, Scope.MESSAGE)
    return Explanation(None, Class.TRANSIENT, Scope.MESSAGE)


def _explain_reply(flat: str) -> Explanation:
    code, status = _code_and_status(flat)
    text = flat.lower()
    for row in catalogue():
        if row.where in ("smtp", "relay") and _speaks_of(row, code, status, text):
            return Explanation.of(row)
    if code >= 500 or (not code and status.startswith("5")):
        return Explanation(None, Class.MESSAGE, Scope.MESSAGE)
    return Explanation(None, Class.TRANSIENT, Scope.MESSAGE)


def _code_and_status(flat: str) -> tuple[int, str]:
    """The reply code (0 for none) and the enhanced status ("" for none) that a text is about."""
    for code, status in _PAIR.findall(flat):
        if code >= "4":
            return int(code), status
    lone = next((code for code in _CODE.findall(flat) if code >= "4"), "0")
    return int(lone), next((status for status in _STATUS.findall(flat) if status >= "4"), "")


def _speaks_of(row: Row, code: int, status: str, text: str) -> bool:
    """Whether a row fits a pasted text, in which the code or the status may be missing, but not both and the words."""
    if row.where == "relay":
        return bool(row.fragments) and all(f in text for f in row.fragments)
    if not code and not status:
        return len("".join(row.fragments)) >= 12 and all(f in text for f in row.fragments)
    codes_fit = not row.codes or code in row.codes or (not code and bool(status))
    speaks_plainly = not status and len("".join(row.fragments)) >= 12
    statuses_fit = not row.statuses or status in row.statuses or speaks_plainly
    if not code and not row.statuses:
        return False
    return codes_fit and statuses_fit and all(f in text for f in row.fragments)


__all__ = ["EnhancedStatus", "Explanation", "Row", "catalogue", "explain", "outcome_of", "outcome_of_token"]
