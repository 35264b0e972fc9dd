"""One consignment by sendMail: what goes over the wire, and what each answer makes of the recipients."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.content import InMemory, consignment
from fakes.graph import TAKEN, Asked, Said, client_of, error, fake_graph
from relay365.engine.blackbox.dialogue import OUT, lines_on
from relay365.engine.blackbox.recording import Attempt
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.graph.route import Graph, Manner

MAIL = b"From: scan@contoso.com\r\nTo: lena@fabrikam.com, other@fabrikam.com\r\nSubject: x\r\n\r\nbody\r\n"


def deliver(
    folder: Path, answer: Callable[[Asked], Said], given: Consignment, limit: int = 2_200_000
) -> tuple[tuple[Outcome, ...], list[Asked]]:
    """Outcomes, and what the server was asked."""

    async def story() -> tuple[tuple[Outcome, ...], list[Asked]]:
        async with fake_graph(folder, answer) as graph:
            route = Graph(
                "graph",
                "scan@contoso.com",
                client_of(graph),
                Manner(limit),
                limits=LaneLimits(2),
                clock=FakeClock(),
            )
            outcomes = await route.deliver(given)
            await route.close()
            return outcomes, graph.asked

    return asyncio.run(story())


@pytest.mark.parametrize("block", [0, 1, 7, 50])
def test_a_message_goes_as_the_base64_of_its_mime(tmp_path: Path, block: int) -> None:
    """Trace, a header that names the recipients only, and the rest octet for octet, however the spool cuts it."""
    outcomes, asked = deliver(
        tmp_path, lambda _: TAKEN, consignment(InMemory(MAIL, block), "lena@fabrikam.com", "b@x.test")
    )
    expected = (
        b"Received: from x by y\r\nBcc: <b@x.test>\r\nFrom: scan@contoso.com\r\nTo: lena@fabrikam.com\r\n"
        b"Subject: x\r\n\r\nbody\r\n"
    )
    assert expected == b64decode(asked[0].body, validate=True)
    assert ("POST", "/v1.0/users/scan@contoso.com/sendMail") == (asked[0].method, asked[0].path)
    assert "text/plain" == asked[0].headers["content-type"]
    assert [Kind.DELIVERED] * 2 == [outcome.kind for outcome in outcomes]
    assert "without 1 who were no recipients" in outcomes[0].reply_text


@pytest.mark.parametrize(("said", "kind", "klass", "row", "retry_after_s"), [
    ((200, {}, b""), Kind.UNCERTAIN, Class.TRANSIENT, "graph-200", None),
    (error(400, "ErrorInvalidRecipients"), Kind.FAILED, Class.MESSAGE, "graph-recipients", None),
    (error(401, "InvalidAuthenticationToken"), Kind.DEFERRED, Class.CONFIGURATION, "graph-token", None),
    (error(403, "ErrorAccessDenied"), Kind.DEFERRED, Class.CONFIGURATION, "graph-access-denied", None),
    (error(403, "ErrorSendAsDenied"), Kind.DEFERRED, Class.SENDER, "graph-send-as-denied", None),
    (error(404, "MailboxNotEnabledForRESTAPI"), Kind.DEFERRED, Class.CONFIGURATION, "graph-no-mailbox", None),
    (error(429, "ApplicationThrottled", Retry_After="17"), Kind.DEFERRED, Class.RATE_LIMIT, "graph-concurrency", 17.0),
    ((503, {}, b"<html>unwell"), Kind.DEFERRED, Class.TRANSIENT, "graph-unwell", None),
    ((504, {}, b'{"error":{"co'), Kind.DEFERRED, Class.TRANSIENT, "graph-unwell", None),
])  # fmt: skip
def test_what_an_answer_makes_of_the_recipients(
    tmp_path: Path, said: Said, kind: Kind, klass: Class, row: str, retry_after_s: float | None
) -> None:
    """202 is success and nothing else; all others by the rows of the catalogue."""
    outcomes, _ = deliver(tmp_path, lambda _: said, consignment(InMemory(MAIL)))
    found = outcomes[0]
    assert (kind, klass, row, retry_after_s) == (found.kind, found.klass, found.row, found.retry_after_s)


def test_a_connection_that_breaks_after_the_body_is_uncertain(tmp_path: Path) -> None:
    """Graph may have the message."""
    outcomes, asked = deliver(tmp_path, lambda _: "close", consignment(InMemory(MAIL)))
    assert (Kind.UNCERTAIN, "no-answer-after-dot", 1) == (outcomes[0].kind, outcomes[0].row, len(asked))


def test_a_stop_while_graph_is_silent_is_uncertain(tmp_path: Path) -> None:
    """The relay is stopped after the body went out: the outcome comes at once and says that Graph may have it."""

    async def story() -> Outcome:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            graph.may_answer.clear()
            route = Graph(
                "graph",
                "scan@contoso.com",
                client_of(graph),
                Manner(9_999),
                limits=LaneLimits(2),
                clock=FakeClock(),
            )
            task = asyncio.ensure_future(route.deliver(consignment(InMemory(MAIL))))
            await asyncio.wait_for(graph.asked_now.wait(), 10.0)
            task.cancel()
            outcomes = await task
            await route.close()
            return outcomes[0]

    assert Kind.UNCERTAIN == asyncio.run(story()).kind


def test_a_signed_message_is_not_split(tmp_path: Path) -> None:
    """Nothing is sent; the row lets another road take it."""
    signed = b"DKIM-Signature: v=1; h=from:to; b=x\r\n" + MAIL
    outcomes, asked = deliver(tmp_path, lambda _: TAKEN, consignment(InMemory(signed)))
    assert (Kind.FAILED, "graph-signed-split", []) == (outcomes[0].kind, outcomes[0].row, asked)


def test_a_message_above_the_limit_is_left_to_another_road(tmp_path: Path) -> None:
    """large = "refuse": nothing is sent."""
    outcomes, asked = deliver(tmp_path, lambda _: TAKEN, consignment(InMemory(MAIL)), limit=50)
    found = outcomes[0]
    assert (Kind.FAILED, Scope.MESSAGE, "graph-too-large", []) == (found.kind, found.scope, found.row, asked)


class Picky:
    """A Graph that refuses a message for all for the sake of one. names: whether it says for which."""

    def __init__(self, invalid: set[str], *, names: bool) -> None:
        self.invalid, self.names = invalid, names
        self.taken: list[str] = []
        self.n_asked = 0

    def __call__(self, asked: Asked) -> Said:
        self.n_asked += 1
        head = b64decode(asked.body, validate=True).partition(b"\r\n\r\n")[0].decode()
        wanted = [word.strip("<>,") for word in head.split() if word.endswith(("@x.test>", "@x.test>,"))]
        bad = [address for address in wanted if address in self.invalid]
        if bad:
            words = (
                f"Recipient {bad[0]} is not valid." if self.names else "At least one recipient is not valid."
            )
            return error(400, "ErrorInvalidRecipients", words)
        self.taken += wanted
        return TAKEN


@pytest.mark.parametrize(("names", "most"), [(True, 3), (False, 14)])
def test_an_invalid_recipient_fails_alone(tmp_path: Path, *, names: bool, most: int) -> None:
    """All others get the message once, in attempts of one request each; named, or found by halves."""
    people = [f"r{n}@x.test" for n in range(8)]
    picky = Picky({"r2@x.test", "r5@x.test"}, names=names)

    async def story() -> dict[str, Outcome]:
        done: dict[str, Outcome] = {}
        async with fake_graph(tmp_path, picky) as graph:
            route = Graph(
                "graph",
                "s@contoso.com",
                client_of(graph),
                Manner(9_999),
                limits=LaneLimits(2),
                clock=FakeClock(),
            )
            n_attempts = 0
            while len(done) < len(people):
                left = [one for one in people if one not in done]
                mail = InMemory(b"From: s@contoso.com\r\nSubject: x\r\n\r\nbody\r\n")
                outcomes = await route.deliver(consignment(mail, *left))
                n_attempts += 1
                assert len(left) == len(outcomes)
                assert n_attempts == picky.n_asked <= most
                waiting = [one for one in outcomes if one.kind is Kind.DEFERRED]
                assert {("graph-parted", Scope.RECIPIENT, False)} >= {
                    (one.row, one.scope, one.offered) for one in waiting
                }
                done |= {
                    one: outcome
                    for one, outcome in zip(left, outcomes, strict=True)
                    if outcome.kind is not Kind.DEFERRED
                }
            await route.close()
        return done

    done = asyncio.run(story())
    failed = {one for one, outcome in done.items() if outcome.kind is Kind.FAILED}
    assert (picky.invalid, {Scope.RECIPIENT}) == (failed, {done[one].scope for one in failed})
    assert sorted(set(people) - picky.invalid) == sorted(picky.taken)


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        (
            9_999,
            [
                ("note", "connected to localhost:"),
                ("note", "encrypted: TLSv1.3 "),
                ("out", "POST /v1.0/users/scan@contoso.com/sendMail"),
                ("out", "(content, "),
                ("remote", "403 ErrorSendAsDenied, request-id r-7"),
            ],
        ),
        (50, [("note", "not tried: ")]),
    ],
)
def test_an_attempt_is_kept_as_a_dialogue(tmp_path: Path, limit: int, wanted: list[tuple[str, str]]) -> None:
    """The black box gets the attempt of this message, once, when it is over; also one that was not offered."""
    kept: list[Attempt] = []

    async def story() -> None:
        async with fake_graph(tmp_path, lambda _: error(403, "ErrorSendAsDenied", request_id="r-7")) as graph:
            manner = Manner(limit, None, lambda spool_id: Attempt(spool_id, FakeClock(), kept.append))
            route = Graph(
                "graph", "scan@contoso.com", client_of(graph), manner, limits=LaneLimits(2), clock=FakeClock()
            )
            await route.deliver(consignment(InMemory(MAIL)))
            await route.close()

    asyncio.run(story())
    (attempt,) = kept
    found = [(line.who, line.text) for line in lines_on(attempt.tape, attempt.began_mono, OUT)]

    assert "4TQ921" == attempt.spool_id
    assert wanted == [
        (who, text[: len(begin)]) for (who, text), (_, begin) in zip(found, wanted, strict=True)
    ]
