"""What a reply makes of its recipient: the catalogue's word, and the rules for what it does not know.

Match on code, enhanced status and a fragment of the text, most specific first. Unknown is temporary and loud, except
where the remote said a final no to one recipient or one message (5yz at RCPT, MAIL or the final dot; 400 of Graph).
(RFC 5321 4.2.1, RFC 3463, RFC 9110 15.5; the sources of each row stand in replies.toml)
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from relay365.errors import TokenRefused
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import Reply
from relay365.routes.catalogue.rows import Row, rows_of, token_row

_BEFORE_MAIL = ("connect", "auth")  # whoever says no so early knows neither sender, recipient nor message
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")


@cache
def _smtp_rows_by_code() -> dict[int, tuple[Row, ...]]:
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in rows_of("smtp"):
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
    status, text = str(reply.status or ""), " ".join(words.lower().split())
    for row in _smtp_rows_by_code().get(reply.code, ()):
        is_premature = stage in _BEFORE_MAIL and row.klass in (Class.MESSAGE, Class.SENDER)
        if row.matches(reply.code, status, text) and not is_premature:
            is_final = row.klass is Class.MESSAGE and not reply.is_temporary  # 4yz is never a final no
            kind = Kind.FAILED if is_final else Kind.DEFERRED
            return Outcome(
                kind,
                row.scope,
                row.klass,
                reply.status,
                words,
                row.id,
                row.retry_after_s,
                until_s=row.until_s,
            )
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
    row = token_row(refused.error, refused.number, refused.text)
    if refused.temporary:
        klass = Class.TRANSIENT
    elif row is not None:
        klass = row.klass
    else:
        klass = Class.CONFIGURATION
    retry_after_s = row.retry_after_s if row is not None else None
    words = f"no token: {refused.text}"
    return Outcome(Kind.DEFERRED, Scope.TENANT, klass, None, words, row.id if row else "", retry_after_s)


def outcome_of_graph(status: int, code: str, message: str, retry_after_s: float | None = None) -> Outcome:
    """What an answer of Graph to a message makes of each of its recipients.

    status: HTTP's; code, message: those of the error body, "" where it has none or is no JSON; retry_after_s: what
    Retry-After asks, in seconds. Success is 202 and nothing else: a 200 was seen for mail that was never sent.
    A 401 is final here: whoever calls has tried once with a fresh token.
    (Microsoft: "Microsoft Graph error responses and resource types", "user: sendMail"; RFC 9110 10.2.3, 15)
    """
    words = " ".join(f"{status} {code} {message}".split())
    if status == 202:
        return Outcome(Kind.DELIVERED, reply_text=words)
    wished_s = None if retry_after_s is None else max(0.0, retry_after_s)
    if 200 <= status < 300:
        return Outcome(Kind.UNCERTAIN, Scope.MESSAGE, Class.TRANSIENT, None, words, "graph-200", wished_s)
    text = words.lower()
    row = next((row for row in rows_of("graph") if row.matches(status, "", text)), None)
    if row is None:
        return _unknown_of_graph(status, words, wished_s)
    kind = Kind.FAILED if row.klass is Class.MESSAGE else Kind.DEFERRED
    wait_s = row.retry_after_s if wished_s is None else wished_s
    return Outcome(kind, row.scope, row.klass, None, words, row.id, wait_s, until_s=row.until_s)


def _unknown_of_graph(status: int, words: str, wished_s: float | None) -> Outcome:
    """What no row knows: a no to the caller is a person's, a no to the request is the message's, the rest passes."""
    if status in (401, 402, 403, 404, 405, 407):
        return Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, words)
    if 400 <= status < 500 and status not in (408, 409, 421, 423, 425, 429):
        return Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE, None, words)
    scope = Scope.ROUTE if status >= 500 else Scope.MESSAGE
    return Outcome(Kind.DEFERRED, scope, Class.TRANSIENT, None, words, retry_after_s=wished_s)
