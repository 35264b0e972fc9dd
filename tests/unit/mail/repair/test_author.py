"""From and the envelope's sender, by the rules of [sender] and of the client."""

from __future__ import annotations

import pytest

from relay365.mail.repair.author import (
    Sender,
    mend_author,
    name_sender,
    rewrite_author,
    sender_of,
)
from relay365.mail.repair.fields import Draft, apply
from relay365.mail.repair.rules import Authors, Given, Rules

OURS = frozenset(["contoso.com"])
ALL = Rules(sender=True, syntax=True)


def given(reverse_path: str, sender: str = "") -> Given:
    return Given(reverse_path, "", 0.0, sender)


@pytest.mark.parametrize(
    ("authors", "reverse_path", "fixed", "sender"),
    [
        (Authors(), "a@x.test", "", Sender("a@x.test")),
        (Authors(), "a@x.test", "f@x.test", Sender("f@x.test", "a@x.test became f@x.test")),
        (Authors(), "f@x.test", "f@x.test", Sender("f@x.test")),
        (Authors(), "", "f@x.test", Sender("f@x.test", "<> became f@x.test")),
        (Authors(null="reject"), "", "", Sender("")),
        (Authors(null="rewrite", rewrite_to="r@x.test"), "", "", Sender("r@x.test", "<> became r@x.test")),
        (Authors(null="reject"), "a@x.test", "", Sender("a@x.test")),
        (Authors(OURS, "reject"), "a@x.test", "", Sender("a@x.test")),
        (
            Authors(OURS, "rewrite", "r@y.test"),
            "a@x.test",
            "",
            Sender("r@y.test", "a@x.test became r@y.test"),
        ),
        (Authors(OURS, "rewrite", "r@y.test"), "a@contoso.com", "", Sender("a@contoso.com")),
    ],
)
def test_the_envelopes_sender_is_decided(
    authors: Authors, reverse_path: str, fixed: str, sender: Sender
) -> None:
    """A client's own sender comes first; then the null path and foreign ones, as [sender] says."""
    assert sender == sender_of(authors, given(reverse_path, fixed))


@pytest.mark.parametrize(
    ("head", "added", "after"),
    [
        (b"A: b\r\n", b"From: <s@x.test>\r\n", b"A: b\r\n"),
        (b"From: Scanner\r\n", b"", b'From: "Scanner" <s@x.test>\r\n'),
        (b"From:\r\n", b"", b"From: <s@x.test>\r\n"),
        (b"From: a@x.test\r\nFrom: b@x.test\r\n", b"", b"From: a@x.test\r\nX-Original-From: b@x.test\r\n"),
        (b"From: a@x.test, b@x.test\r\n", b"Sender: <a@x.test>\r\n", b"From: a@x.test, b@x.test\r\n"),
        (b"From: a@x.test\r\n", b"", b"From: a@x.test\r\n"),
    ],
)
def test_from_becomes_readable(head: bytes, added: bytes, after: bytes) -> None:
    """Missing, nameless, doubled, or of several without a Sender (Microsoft's 5.7.512 and 5.1.20)."""
    draft = Draft(head)
    mend_author(draft, ALL, given("s@x.test"), Sender("s@x.test"))
    name_sender(draft, "windows-1252")

    assert (added, after) == (bytes(draft.added), apply(head, draft.edits()))


def test_without_an_envelope_sender_nothing_is_made_up() -> None:
    """From the null path comes no author."""
    draft = Draft(b"From: Scanner\r\n")
    mend_author(draft, ALL, given(""), Sender(""))

    assert [] == draft.changes


@pytest.mark.parametrize(
    ("keep_as", "head", "added", "after"),
    [
        ("reply-to", b"From: Me <a@x.test>\r\n", b"Reply-To: <a@x.test>\r\n", b'From: "Me" <r@y.test>\r\n'),
        (
            "reply-to", b"From: a@x.test\r\nReply-To: b@x.test\r\n", b"",
            b"From: <r@y.test>\r\nReply-To: b@x.test\r\n",
        ),
        ("display-name", b"From: Me <a@x.test>\r\n", b"", b'From: "Me (a@x.test)" <r@y.test>\r\n'),
        ("display-name", b"From: a@x.test\r\n", b"", b'From: "a@x.test" <r@y.test>\r\n'),
        ("none", b"From: Me <a@x.test>\r\nSender: b@x.test\r\n", b"",
         b'From: "Me" <r@y.test>\r\nX-Original-Sender: b@x.test\r\n'),
    ],
)  # fmt: skip
def test_the_old_author_is_kept_as_wished(keep_as: str, head: bytes, added: bytes, after: bytes) -> None:
    """In Reply-To unless there is one, in the name, or nowhere; a Sender beside it is set aside."""
    draft = Draft(head)
    rewrite_author(draft, Authors(OURS, "rewrite", "r@y.test", keep_as), given("a@x.test"), "r@y.test")

    assert (added, after) == (bytes(draft.added), apply(head, draft.edits()))
