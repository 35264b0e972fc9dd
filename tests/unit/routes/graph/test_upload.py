"""Large mail as a draft: attachments in chunks, then send; resumed where one breaks, deleted where it ends early."""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from fakes.content import InMemory, Made, consignment
from fakes.graph import TAKEN, Asked, Said, error, fake_graph
from fakes.graph_draft import Session, route_to, scan, upload
from relay365.mail.outcome import Kind, Outcome
from relay365.routes.graph.upload import CHUNK_OCTETS


def test_the_draft_has_what_the_message_said(tmp_path: Path) -> None:
    """Fields, text in its charset, and the recipients of the envelope alone; a small attachment in one request."""
    session = Session()
    outcome = upload(tmp_path, session, InMemory(b"".join(scan(1000)()), 777))
    who = {"toRecipients": [{"emailAddress": {"address": "lena@fabrikam.com"}}]}
    assert Kind.DELIVERED == outcome.kind
    assert {
        "subject": "Büro",
        "body": {"contentType": "text", "content": "Büro"},
        **who,
        "replyTo": [{"emailAddress": {"address": "help@contoso.com"}}],
        "from": {"emailAddress": {"address": "scan@contoso.com", "name": "Scan"}},
        "internetMessageHeaders": [{"name": "X-Device", "value": "7"}],
        "internetMessageId": "<1@copier>",
    } == session.draft
    assert ("a.pdf", "application/pdf") == (session.small[0]["name"], session.small[0]["contentType"])
    assert bytes(range(57)) * 1000 == b64decode(session.small[0]["contentBytes"])


@pytest.mark.parametrize("fault", ["close", "half", (500, {}, b""), (503, {}, b"<html>")])
def test_a_broken_chunk_is_resumed(tmp_path: Path, fault: Said) -> None:
    """The session is asked where it stands, and the rest goes up; nothing twice, nothing left out."""
    session = Session({CHUNK_OCTETS: fault})
    outcome = upload(tmp_path, session, Made(scan(150_000)))
    assert (Kind.DELIVERED, 150_000 * 57) == (outcome.kind, session.n_octets)
    assert "GET session" in session.steps


def test_a_draft_that_was_not_sent_is_deleted(tmp_path: Path) -> None:
    """The mailbox is full in the middle of the upload, or send is refused: the message waits, and no draft stays."""
    session = Session({CHUNK_OCTETS: error(403, "ErrorQuotaExceeded")})
    outcome = upload(tmp_path, session, Made(scan(150_000)))
    assert (Kind.DEFERRED, "graph-mailbox-full") == (outcome.kind, outcome.row)
    assert "DELETE AAM%2Fk%3D" == session.steps[-1]
    session = Session()
    session.send = error(429, "ApplicationThrottled")
    assert "graph-concurrency" == upload(tmp_path, session, Made(scan(100))).row
    assert "DELETE AAM%2Fk%3D" == session.steps[-1]


def test_a_send_without_answer_is_uncertain_and_its_draft_stays(tmp_path: Path) -> None:
    """It may be on its way: nothing is deleted."""
    session = Session()
    session.send = "close"
    outcome = upload(tmp_path, session, Made(scan(100)))
    assert (Kind.UNCERTAIN, "POST send") == (outcome.kind, session.steps[-1])


def test_a_broken_draft_is_no_doubt(tmp_path: Path) -> None:
    """Nothing was sent, so that a chunk that never gets an answer is only deferred."""
    session = Session()
    session.put = lambda asked: "close"  # type: ignore[method-assign]
    outcome = upload(tmp_path, session, Made(scan(150_000)))
    assert Kind.DEFERRED == outcome.kind


def test_a_signed_large_message_is_left_to_another_road(tmp_path: Path) -> None:
    """Nothing is asked at all."""
    session = Session()
    content = InMemory(
        b"DKIM-Signature: v=1; h=from; b=x\r\n" + b"".join(scan(100)()).replace(b", stranger@x.test", b"")
    )
    assert ("graph-signed-large", []) == (upload(tmp_path, session, content).row, session.steps)


def mail(*parts: bytes, kind: bytes = b"mixed") -> InMemory:
    """A message above two kilobytes of these parts."""
    head = b"From: s@contoso.com\r\nTo: lena@fabrikam.com\r\nX-Filler: " + b"x" * 900 + b"\r\n"
    whole = b"".join(b"\r\n--b\r\n" + part for part in parts)
    filler = b"preamble " * 300
    return InMemory(
        head
        + b"Content-Type: multipart/"
        + kind
        + b"; boundary=b\r\n\r\n"
        + filler
        + whole
        + b"\r\n--b--\r\n"
    )


def part(name: str, octets: bytes) -> bytes:
    head = f'Content-Type: application/pdf; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head.encode() + b64encode(octets)


def test_two_hundred_attachments(tmp_path: Path) -> None:
    """Each in a request of its own, in their order, with name and octets; more than 250 parts are not tried."""
    session = Session()
    parts = [part(f"{n}.pdf", bytes([n]) * 100) for n in range(200)]
    assert Kind.DELIVERED == upload(tmp_path, session, mail(*parts)).kind
    assert [f"{n}.pdf" for n in range(200)] == [one["name"] for one in session.small]
    assert [bytes([n]) * 100 for n in range(200)] == [b64decode(one["contentBytes"]) for one in session.small]
    session = Session()
    outcome = upload(tmp_path, session, mail(*parts, *parts[:60]))
    assert (Kind.FAILED, "graph-too-large", False, []) == (
        outcome.kind,
        outcome.row,
        outcome.offered,
        session.steps,
    )
    assert "more than 250 parts" in outcome.reply_text


def test_pictures_stay_in_the_text(tmp_path: Path) -> None:
    """multipart/alternative with related: the HTML form, and its picture inline under its identifier."""
    picture = b"Content-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline\r\n\r\nPNG"
    related = (
        b"Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: text/html\r\n\r\n"
        b'<img src="cid:logo@x">\r\n--r\r\n' + picture + b"\r\n--r--"
    )
    session = Session()
    content = mail(b"Content-Type: text/plain\r\n\r\nplain", related, kind=b"alternative")
    assert Kind.DELIVERED == upload(tmp_path, session, content).kind
    assert {"contentType": "html", "content": '<img src="cid:logo@x">'} == session.draft["body"]
    facts = [(one["name"], one["contentType"], one["isInline"], one["contentId"]) for one in session.small]
    assert [("part3.png", "image/png", True, "logo@x")] == facts
    assert b"PNG" == b64decode(session.small[0]["contentBytes"])


@pytest.mark.parametrize(("charset", "octets", "expected"), [
    ("iso-2022-jp", "\u65e5\u672c".encode("iso2022_jp"), "\u65e5\u672c"),
    ("windows-1251", "\u041f\u0440".encode("cp1251"), "\u041f\u0440"),
    ("x-unknown", b"B\xfcro", "B\u00fcro"),
])  # fmt: skip
def test_a_text_comes_in_its_charset(tmp_path: Path, charset: str, octets: bytes, expected: str) -> None:
    """Of seven bits, of one octet a letter, and of none that anybody knows."""
    session = Session()
    upload(tmp_path, session, mail(f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + octets))
    assert expected == session.draft["body"]["content"]


def test_no_text_is_lost(tmp_path: Path) -> None:
    """A second text, one that is too long, and two of a kind among alternatives are attachments."""
    session = Session()
    long = b"Content-Type: text/plain\r\n\r\n" + b"x" * 1_000_001
    upload(tmp_path, session, mail(long, b"\r\nfirst", b"\r\nsecond"))
    assert "first" == session.draft["body"]["content"]
    assert [1_000_001, 6] == [len(b64decode(one["contentBytes"])) for one in session.small]
    session = Session()
    upload(tmp_path, session, mail(b"\r\none", b"\r\ntwo", kind=b"alternative"))
    assert ("one", [b"two"]) == (
        session.draft["body"]["content"],
        [b64decode(one["contentBytes"]) for one in session.small],
    )


def stopped(folder: Path, session: Session, last: str) -> tuple[Outcome, float, float]:
    """The outcome of a delivery that is cancelled while Graph is silent after this step, and how long the outcome
    and the end of the road took. session.heals: Graph answers again after the cancellation.
    """

    async def story() -> tuple[Outcome, float, float]:
        async with fake_graph(folder, session) as graph:
            session.graph = graph
            reached = asyncio.Event()

            def answer(asked: Asked) -> Said:
                said = session(asked)
                if session.steps[-1] == last and not reached.is_set():
                    graph.may_answer.clear()
                    reached.set()
                return said

            graph.answer = answer
            route = route_to(graph)
            task = asyncio.ensure_future(route.deliver(consignment(Made(scan(150_000)))))
            await asyncio.wait_for(reached.wait(), 10.0)
            while not graph.n_open:
                graph.asked_now.clear()
                await asyncio.wait_for(graph.asked_now.wait(), 10.0)
            began = time.monotonic()
            task.cancel()
            outcomes = await task
            ended = time.monotonic()
            if session.heals:
                graph.may_answer.set()
            await route.close()
            return outcomes[0], ended - began, time.monotonic() - ended

    return asyncio.run(story())


def test_a_stop_in_mid_upload_has_its_outcome_at_once(tmp_path: Path) -> None:
    """Deferred without waiting for anybody; the draft is deleted while the road ends."""
    session = Session()
    session.heals = True
    outcome, outcome_s, end_s = stopped(tmp_path, session, "PUT session")
    assert (Kind.DEFERRED, "stopped") == (outcome.kind, outcome.row)
    assert "DELETE AAM%2Fk%3D" == session.steps[-1]
    assert outcome_s < 0.5 > end_s - 0.5


def test_a_draft_that_nobody_deletes_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Graph is silent: the road ends within its second, and the log names the draft."""
    with caplog.at_level(logging.WARNING):
        outcome, outcome_s, end_s = stopped(tmp_path, Session(), "PUT session")
    assert Kind.DEFERRED == outcome.kind
    assert outcome_s < 0.5
    assert end_s < 1.0
    assert [
        "draft.left draft=/v1.0/users/s@contoso.com/messages/AAM%2Fk%3D reason='the relay was stopped'"
    ] == [record.getMessage() for record in caplog.records if record.name == "relay365.graph"]


class Choosy(Session):
    """Refuses a draft for all for the sake of some; sent: whom each request that was taken went to."""

    def __init__(self, *invalid: str, code: str = "ErrorInvalidRecipients", most: int = 500) -> None:
        super().__init__()
        self.invalid, self.code, self.most = set(invalid), code, most
        self.sent: list[list[str]] = []

    def __call__(self, asked: Asked) -> Said:
        if asked.path.endswith("/send"):
            people = self.people()
            is_refused = self.invalid & set(people) or len(people) > self.most
            self.send = error(400, self.code, "One is not valid.") if is_refused else TAKEN
            if not is_refused:
                self.sent.append(people)
        return super().__call__(asked)

    def people(self) -> list[str]:
        """Whom the draft names now."""
        lists = (self.draft.get(key, []) for key in ("toRecipients", "ccRecipients", "bccRecipients"))
        return [one["emailAddress"]["address"] for people in lists for one in people]


PEOPLE = [f"r{n}@x.test" for n in range(8)]


def parted(folder: Path, session: Session, n_attempts: int = 30) -> dict[str, Outcome]:
    """The outcomes of all of PEOPLE, in as many attempts as it takes; then the road is closed."""

    async def story() -> dict[str, Outcome]:
        done: dict[str, Outcome] = {}
        async with fake_graph(folder, session) as graph:
            session.graph = graph
            route = route_to(graph)
            for _ in range(n_attempts):
                left = [one for one in PEOPLE if one not in done]
                outcomes = await route.deliver(consignment(Made(scan(150_000)), *left)) if left else ()
                ended = (Kind.DELIVERED, Kind.FAILED)
                done |= {one: said for one, said in zip(left, outcomes, strict=True) if said.kind in ended}
            await route.close()
        return done

    return asyncio.run(story())


def test_the_content_goes_up_once_however_often_its_recipients_are_parted(tmp_path: Path) -> None:
    """Graph does not say who is not valid: the draft gets other recipients, a copy stays for those who are left."""
    session = Choosy("r2@x.test", "r5@x.test")
    done = parted(tmp_path, session)

    assert {"r2@x.test", "r5@x.test"} == {one for one, said in done.items() if said.kind is Kind.FAILED}
    assert sorted(set(PEOPLE) - session.invalid) == sorted(one for people in session.sent for one in people)
    assert 150_000 * 57 == session.n_octets
    assert (1, 1) == tuple(
        session.steps.count(step) for step in ("POST messages", "POST createUploadSession")
    )
    n_sent, n_copied = len(session.sent), session.steps.count("POST copy")
    n_deleted = sum(step.startswith("DELETE") for step in session.steps)
    assert n_copied + 1 == n_sent + n_deleted


def test_more_recipients_than_a_mailbox_allows_go_in_parts(tmp_path: Path) -> None:
    """Its limit is lower than ours: nobody fails for that, and the content goes up once."""
    session = Choosy(code="ErrorExceededMaxRecipientLimit", most=3)
    done = parted(tmp_path, session)

    assert {Kind.DELIVERED} == {said.kind for said in done.values()}
    assert sorted(PEOPLE) == sorted(one for people in session.sent for one in people)
    assert max(map(len, session.sent)) <= 3
    assert 1 == session.steps.count("POST createUploadSession")


@pytest.mark.parametrize("copy", [(403, {}, b"{}"), (201, {}, b'{"id":"copy","isDraft":false}'), "close"])
def test_where_graph_makes_no_copy_that_can_be_sent_the_rest_goes_up_anew(tmp_path: Path, copy: Said) -> None:
    """More work, and the same end; a copy that is no draft does not stay in the mailbox."""
    session = Choosy("r2@x.test")
    session.copy = copy
    sizes = []
    session.take = lambda octets: sizes.append(len(octets))  # type: ignore[method-assign]
    session.put = lambda asked: (201, {}, b"")  # type: ignore[method-assign]
    done = parted(tmp_path, session)

    assert ["r2@x.test"] == [one for one, said in done.items() if said.kind is Kind.FAILED]
    assert sorted(set(PEOPLE) - session.invalid) == sorted(one for people in session.sent for one in people)
    assert session.steps.count("POST createUploadSession") == len(session.sent) > 1
    if copy[0] == 201:
        assert session.steps.count("POST copy") == session.steps.count("DELETE copy")


def test_a_draft_that_is_gone_meanwhile_goes_up_anew(tmp_path: Path) -> None:
    """Somebody has emptied the drafts between two attempts."""
    session = Choosy("r2@x.test")
    session.put = lambda asked: (201, {}, b"")  # type: ignore[method-assign]
    session.patch = error(404, "ErrorItemNotFound")
    done = parted(tmp_path, session)

    assert sorted(PEOPLE) == sorted(done)
    assert "POST copy" not in session.steps[: session.steps.index("PATCH AAM%2Fk%3D")]


def test_a_draft_that_waits_for_its_rest_goes_with_the_road(tmp_path: Path) -> None:
    """The relay is stopped between two attempts: nothing stays in the mailbox."""
    session = Choosy("r2@x.test")
    done = parted(tmp_path, session, n_attempts=1)

    assert ({}, "DELETE AAM%2Fk%3D") == (done, session.steps[-1])


def test_a_kept_draft_waits_with_a_throttled_mailbox(tmp_path: Path) -> None:
    """429 to the change of recipients: it is tried again with the same content."""
    session = Choosy("r2@x.test")
    session.patch = error(429, "ApplicationThrottled")
    parted(tmp_path, session, n_attempts=4)

    assert 3 == session.steps.count("PATCH AAM%2Fk%3D")
    assert 1 == session.steps.count("POST createUploadSession")
