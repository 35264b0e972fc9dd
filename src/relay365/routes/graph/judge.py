"""What became of a message by Graph: an answer, or a way that broke, as an Outcome by the rows of the catalogue.

Apart from the route so that whoever else asks Graph reads its errors with the same words.
(Microsoft: "Microsoft Graph error responses and resource types"; RFC 9110 10.2.3)
"""

from __future__ import annotations

import ssl

from relay365.errors import SpoolCorrupt, SpoolError, TransportError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import EnhancedStatus
from relay365.routes.classify import outcome_of_graph
from relay365.routes.graph.answer import GraphAnswer

_BEFORE = ("resolve", "connect", "tls")


def outcome_of_answer(answer: GraphAnswer, now: float) -> Outcome:
    """What the answer to the request that sends makes of each recipient: 202 is success and nothing else.

    now: epoch seconds, for a Retry-After that is a date.
    """
    return outcome_of_graph(answer.status, *_words(answer), answer.retry_after_s(now))


def outcome_of_step(answer: GraphAnswer, now: float) -> Outcome:
    """The same for an unwanted answer to a step before: nothing was sent, so that nothing is uncertain."""
    if answer.status < 400:
        code, message = _words(answer)
        text = " ".join(f"{answer.status} {code} {message}".split())
        return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, f"not what was expected: {text}")
    return outcome_of_answer(answer, now)


def outcome_of_break(error: TransportError | SpoolError) -> Outcome:
    """What a way that broke makes of each recipient; "await" is the phase in which Graph may have the message."""
    if isinstance(error, SpoolError):
        row = "stored-damaged" if isinstance(error, SpoolCorrupt) else "stored-unreadable"
        text = f"the stored content cannot be read: {error}"
        return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row)
    if error.phase == "await":
        return unanswered(str(error))
    if error.phase == "tls" and isinstance(error.__cause__, ssl.SSLError):
        text = str(error)
        return Outcome(
            Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION, None, text, "tls-failed", offered=False
        )
    if error.phase in _BEFORE:
        text = str(error)
        row = "tls-broken" if error.phase == "tls" else "cannot-connect"
        return Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT, None, text, row, offered=False)
    text = f"the line broke: {error}"
    return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, "connection-broken")


def unanswered(reason: str) -> Outcome:
    """All was sent and no answer came."""
    text = f"no answer after the final dot: {reason}"
    return Outcome(Kind.UNCERTAIN, Scope.MESSAGE, Class.TRANSIENT, None, text, "no-answer-after-dot")


def stopped() -> Outcome:
    """The relay was stopped before all was sent."""
    text = "the relay was stopped"
    return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, "stopped")


def not_yet(cause: Outcome) -> Outcome:
    """For recipients that are offered again, or later, because Graph takes all or nobody."""
    text = f"offered again without the others; the last answer: {cause.reply_text}"
    return Outcome(Kind.DEFERRED, Scope.RECIPIENT, Class.TRANSIENT, None, text, "graph-parted", offered=False)


def our_no(row: str, text: str) -> Outcome:
    """What we know without asking: it can never go this way."""
    text = f"not tried: {text}"
    status = EnhancedStatus(5, 3, 4)
    return Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE, status, text, row, offered=False)


def _words(answer: GraphAnswer) -> tuple[str, str]:
    """Code and message, with the number that Microsoft's support asks for."""
    code, message = answer.error()
    mark = f"[request-id {answer.request_id[:64]}]" if answer.request_id else ""
    return code, f"{message} {mark}".strip()
