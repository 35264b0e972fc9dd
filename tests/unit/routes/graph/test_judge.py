"""A way that broke, and an unwanted answer before anything was sent, become outcomes that wait."""

from __future__ import annotations

import ssl

import pytest

from relay365.errors import SpoolCorrupt, SpoolError, SpoolUnavailable, TransportError
from relay365.mail.outcome import Class, Kind
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.graph.judge import outcome_of_answer, outcome_of_break, outcome_of_step


def tls_fault() -> TransportError:
    error = TransportError("tls", "certificate verify failed")
    error.__cause__ = ssl.SSLError("x")
    return error


@pytest.mark.parametrize(("error", "expected"), [
    (TransportError("connect", "x"), (Kind.DEFERRED, Class.TRANSIENT, "cannot-connect", False)),
    (TransportError("tls", "reset"), (Kind.DEFERRED, Class.TRANSIENT, "tls-broken", False)),
    (tls_fault(), (Kind.DEFERRED, Class.CONFIGURATION, "tls-failed", False)),
    (TransportError("send", "x"), (Kind.DEFERRED, Class.TRANSIENT, "connection-broken", True)),
    (TransportError("await", "x"), (Kind.UNCERTAIN, Class.TRANSIENT, "no-answer-after-dot", True)),
    (SpoolCorrupt("x"), (Kind.DEFERRED, Class.TRANSIENT, "stored-damaged", True)),
    (SpoolUnavailable("x"), (Kind.DEFERRED, Class.TRANSIENT, "stored-unreadable", True)),
])  # fmt: skip
def test_a_way_that_broke(error: TransportError | SpoolError, expected: tuple[object, ...]) -> None:
    """Only what was sent whole is uncertain; only a certificate needs a person."""
    found = outcome_of_break(error)
    assert expected == (found.kind, found.klass, found.row, found.offered)


def test_a_success_before_the_end_is_no_doubt() -> None:
    """A 200 where 201 was due, while a draft is built: nothing was sent."""
    assert Kind.DEFERRED == outcome_of_step(GraphAnswer(200), 0.0).kind
    assert Kind.UNCERTAIN == outcome_of_answer(GraphAnswer(200), 0.0).kind


def test_the_answer_s_request_id_stands_in_the_text() -> None:
    """Microsoft's support asks for it."""
    answer = GraphAnswer(
        403, {"request-id": "r-1"}, b'{"error":{"code":"ErrorAccessDenied","message":"Denied."}}'
    )
    assert "403 ErrorAccessDenied Denied. [request-id r-1]" == outcome_of_answer(answer, 0.0).reply_text
