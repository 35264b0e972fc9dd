"""Find the row that a pasted text is about: a log line, a reply, a report, a JSON body, an AADSTS string.

Apart from routes.classify, which is given code and status by the protocol: here they must be found in what people show
us, and any of them may be missing. Never raises. (RFC 5321 4.2; RFC 6749 5.2; Microsoft Graph error responses)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay365.mail.outcome import Class, Scope
from relay365.routes.catalogue.rows import Row, catalogue, rows_of, token_row

# In pasted text a code is most trustworthy in front of its status, then alone; a final no tells more than an OK.
_PAIR = re.compile(r"(?<![\d.])([2-5]\d\d)[\s\-#]+([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.])([2-5]\d\d)(?=[\s\-#]|$)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_HTTP = re.compile(r"(?<![\w.\-])([245]\d\d)(?![\w.\-])")
_REPLY_LINE = re.compile(r"(\d{3})([ \-])(?:\d\.\d{1,3}\.\d{1,3} )?")
_AADSTS = re.compile(r"AADSTS(\d{4,8})|error_codes\W{1,4}(\d{4,8})", re.IGNORECASE)
_WORD = re.compile(r"[a-z_]+")
_YES = re.compile(r"2\d\d(?=[ \-]|$)")
_GRAPH = re.compile(r"[\"']error[\"']\s*:\s*\{|\[request-id ", re.IGNORECASE)
# What people paste alone, and what means one thing then: codes (RFC 5321 4.2.3, RFC 9110 15.5.14), the words of a
# small panel, texts without their codes. In small letters, without marks.
_LONE = {
    "413": "graph-too-large",
    "552": "message-too-big",
    "too long": "device-login-long",
    "tenantattribution relay access denied": "relay-denied-attribution",
    "rejectdirectsend": "direct-send-rejected",
    "4.3.2 concurrent connections limit exceeded": "too-many-connections",
}
_MARKS = re.compile(r"[^\w.]+")


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


def explain(text: str, where: str = "") -> Explanation:
    """Read a pasted text of any shape: a log line, a reply, an NDR, a JSON error body, an AADSTS string.

    where: smtp, token, graph, ndr, or "" where the person does not know. Never raises, whatever the text is.
    """
    words = _MARKS.sub(" ", text.lower()).strip(" .")
    mark = _LONE.get(words, text.strip().lower())
    named = next((row for row in catalogue() if row.id == mark), None)
    if named is not None:
        return Explanation.of(named)
    readers = {"token": _explain_token, "graph": _explain_graph, "": _explain_anything}
    return readers.get(where, _explain_reply)(_flat(text))


def is_yes(text: str) -> bool:
    """Whether a text is a reply of SMTP that says yes (RFC 5321 4.2.1), and nothing in it says no."""
    flat = _flat(text)
    return bool(_YES.match(flat)) and _code_and_status(flat) == (0, "") and not _GRAPH.search(flat)


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
    if found.row is None and (
        "_" in _oauth_name(flat) or token_row("", 0, flat)
    ):  # `timeout` is anybody's word
        return _explain_token(flat)
    return found


def _oauth_name(flat: str) -> str:
    """The first OAuth error name of the catalogue that stands in a text, or ""."""
    names = {name for row in rows_of("token") for name in row.statuses}
    return next((word for word in _WORD.findall(flat.lower()) if word in names), "")


def _explain_token(flat: str) -> Explanation:
    number, bare = _AADSTS.search(flat), re.fullmatch(r"\d{4,8}", flat)
    digits = (number[1] or number[2]) if number else bare[0] if bare else "0"
    row = token_row(_oauth_name(flat), int(digits), flat)
    return Explanation.of(row) if row else Explanation(None, Class.CONFIGURATION, Scope.TENANT)


def _explain_graph(flat: str) -> Explanation:
    found = _HTTP.search(flat)
    code, text = int(found[1]) if found else 0, flat.lower()
    for row in rows_of("graph"):
        names_it = bool(row.fragments) and all(f in text for f in row.fragments)
        if names_it or (not row.fragments and code in row.codes):
            return Explanation.of(row)
    if 400 <= code < 500:
        return Explanation(None, Class.MESSAGE, Scope.MESSAGE)
    return Explanation(None, Class.TRANSIENT, Scope.MESSAGE)


def _explain_reply(flat: str) -> Explanation:
    code, status = _code_and_status(flat)
    text = flat.lower()
    for row in catalogue():
        if row.where in ("smtp", "relay", "device") and _speaks_of(row, code, status, text):
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
    if row.where in ("relay", "device"):
        return bool(row.fragments) and all(f in text for f in row.fragments)
    if not code and not status:
        return len("".join(row.fragments)) >= 12 and all(f in text for f in row.fragments)
    codes_fit = not row.codes or code in row.codes or (not code and bool(status))
    speaks_plainly = not status and len("".join(row.fragments)) >= 12
    statuses_fit = not row.statuses or status in row.statuses or speaks_plainly
    if not code and not row.statuses:
        return False
    return codes_fit and statuses_fit and all(f in text for f in row.fragments)
