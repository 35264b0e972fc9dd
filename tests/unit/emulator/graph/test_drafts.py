"""Drafts and upload sessions without HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.clock import FakeClock
from relay365.emulator.graph.answers import GraphError
from relay365.emulator.graph.drafts import MOST_DRAFTS, Drafts

SIZE = 3 * 1024 * 1024
ITEM = {"name": "scan.pdf", "size": SIZE, "contentType": "application/pdf"}


@pytest.fixture
def drafts(clock: FakeClock) -> Iterator[Drafts]:
    made = Drafts(clock)
    yield made
    made.close()


def test_a_draft_belongs_to_its_mailbox(drafts: Drafts) -> None:
    """A draft is found in its own mailbox only, and nowhere once it is removed."""
    draft = drafts.add("Scan@x", {"subject": "s"})

    assert (draft, None, [draft]) == (
        drafts.find("scan@X", draft.id),
        drafts.find("erp@x", draft.id),
        drafts.of("scan@x"),
    )
    drafts.remove(draft)
    assert drafts.find("scan@x", draft.id) is None


def test_drafts_are_bounded(drafts: Drafts) -> None:
    """Of too many drafts the oldest goes, and with it its sessions."""
    first = drafts.add("a@x", {})
    session = drafts.open(first, ITEM, 60.0)
    for _ in range(MOST_DRAFTS):
        drafts.add("a@x", {})

    assert (MOST_DRAFTS, None) == (len(drafts.of("a@x")), drafts.find("a@x", first.id))
    with pytest.raises(GraphError, match="no-session"):
        drafts.session(session.id, session.token)


def test_a_session_fills_an_attachment(drafts: Drafts) -> None:
    """Ranges come in order, a repeated or skipped one is refused, and the last one makes the attachment."""
    draft = drafts.add("a@x", {})
    session = drafts.open(draft, ITEM, 60.0)

    assert drafts.receive(session, 0, b"a" * 100) is None
    for begins, octets in ((0, b"a"), (101, b"a"), (100, b""), (100, b"a" * SIZE)):
        with pytest.raises(GraphError, match="bad-range"):
            drafts.receive(session, begins, octets)
    attachment = drafts.receive(session, 100, b"b" * (SIZE - 100))

    assert attachment is not None
    assert [attachment] == draft.attachments
    assert ("scan.pdf", SIZE) == (attachment.view()["name"], attachment.view()["size"])
    attachment.content.seek(98)
    assert b"aabb" == attachment.content.read(4)


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"size": SIZE - 1}, "attachment-small"), ({"size": 150 * 1024 * 1024 + 1}, "attachment-large"),
        ({"size": "3"}, "bad-json"), ({"size": True}, "bad-json"), ({"name": ""}, "bad-json"),
    ],
)  # fmt: skip
def test_what_a_session_is_not_for(drafts: Drafts, changes: dict[str, object], row: str) -> None:
    """A session is for 3 to 150 MB, and wants name and size."""
    with pytest.raises(GraphError, match=row):
        drafts.open(drafts.add("a@x", {}), ITEM | changes, 60.0)


def test_a_session_ends(drafts: Drafts, clock: FakeClock) -> None:
    """A session ends by its time, is given up on demand, and opens to its own token only."""
    draft = drafts.add("a@x", {})
    timed, given_up = drafts.open(draft, ITEM, 60.0), drafts.open(draft, ITEM, 600.0)
    with pytest.raises(GraphError, match="no-session"):
        drafts.session(timed.id, "guessed")
    assert timed is drafts.session(timed.id, timed.token)
    clock.pass_s(60.0)
    drafts.forget(given_up)

    for one in (timed, given_up):
        with pytest.raises(GraphError, match="no-session"):
            drafts.session(one.id, one.token)


def test_a_changed_draft_says_so(drafts: Drafts) -> None:
    """A draft of MIME gives its octets; one of JSON is written; an attachment shows in both."""
    raw = drafts.add("a@x", {"hasAttachments": False}, b"To: b@x\r\n\r\nhello")
    made = drafts.add("a@x", {"internetMessageId": "<1@x>", "subject": "s"})

    assert b"To: b@x\r\n\r\nhello" == b"".join(raw.blocks())
    assert b"Subject: s\r\n" in b"".join(made.blocks())
    drafts.attach(raw, {"name": "a.txt"}, b"1")
    assert (True, True) == (raw.view()["hasAttachments"], b"a.txt" in b"".join(raw.blocks()))


def test_a_copy_stands_for_itself(drafts: Drafts) -> None:
    """Another id, the same properties and attachments; what becomes of the one does not touch the other."""
    draft = drafts.add("a@x", {"subject": "s", "internetMessageId": "<1@x>"})
    drafts.attach(draft, {"name": "a.txt"}, b"octets")
    copy = drafts.copy(draft)
    copy.fields["subject"] = "other"
    drafts.remove(draft)

    assert (None, copy) == (drafts.find("a@x", draft.id), drafts.find("a@x", copy.id))
    assert ("s", "other", ["a.txt"]) == (
        draft.fields["subject"],
        copy.view()["subject"],
        [one.fields["name"] for one in copy.attachments],
    )
    assert b"b2N0ZXRz" in b"".join(copy.blocks())
