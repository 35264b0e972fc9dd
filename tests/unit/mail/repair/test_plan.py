"""The plan: what becomes of whole headers, in the order in which one repair needs the other."""

from __future__ import annotations

import pytest

from relay365.mail.repair.author import FOREIGN
from relay365.mail.repair.fields import apply
from relay365.mail.repair.glance import Glance
from relay365.mail.repair.plan import DIVIDED, Plan, make_plan
from relay365.mail.repair.rules import Authors, Given, Rules

ALL = Rules("replace", 172_800.0, True, True, True, True, True, True)
AT = 1_795_600_000.0
REST = b"Date: Wed, 25 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@x>\r\n"


def plan_for(head: bytes, authors: Authors | None = None, *, sender: str = "", is_utf8: bool = False) -> Plan:
    given = Given("scan@contoso.com", "<new@relay.test>", AT, sender, "windows-1252", is_utf8)
    return make_plan(Glance(head), b"hi\r\n", ALL, authors or Authors(), given)


def test_a_bare_message_gets_what_is_missing() -> None:
    """Author, date, recipient and identifier, in front; what stands keeps its octets."""
    plan = plan_for(b"Subject: x\r\n")

    assert (
        b"From: <scan@contoso.com>\r\nDate: Wed, 25 Nov 2026 09:46:40 +0000\r\nTo: undisclosed-recipients:;\r\n"
        b"Message-ID: <new@relay.test>\r\n"
    ) == plan.added
    assert ((), "scan@contoso.com", "<new@relay.test>") == (plan.edits, plan.header_from, plan.message_id)


def test_raw_octets_are_encoded_by_the_kind_of_field() -> None:
    """Free text, names and parameters; the rest of the header stays."""
    head = (
        "From: Büro <a@b.test>\r\nTo: x@y.test\r\nSubject: für\r\nContent-Type: x/y; name=ü\r\n".encode(
            "cp1252"
        )
        + REST
    )
    plan = plan_for(head)

    assert (
        b"From: =?utf-8?B?QsO8cm8=?= <a@b.test>\r\nTo: x@y.test\r\nSubject: =?utf-8?B?ZsO8cg==?=\r\n"
        b"Content-Type: x/y;\r\n name*=UTF-8''%C3%BC\r\n" + REST
    ) == apply(head, plan.edits)


def test_declared_utf8_is_no_fault() -> None:
    """With SMTPUTF8 a header may be UTF-8 (RFC 6532), and is left."""
    head = "From: a@b.test\r\nTo: x@y.test\r\nSubject: für\r\n".encode() + REST

    assert () == plan_for(head, is_utf8=True).changes


def test_a_foreign_author_is_rewritten_or_refused() -> None:
    """As [sender] foreign says, also where the envelope is ours; a client's fixed sender is obeyed before."""
    head = b"From: Me <a@x.test>\r\nTo: x@y.test\r\n" + REST
    ours = frozenset(["contoso.com"])
    plan = plan_for(head, Authors(ours, "rewrite", "relay@contoso.com"))
    fixed = plan_for(head, Authors(ours, "reject"), sender="fix@contoso.com")

    assert (b"Reply-To: <a@x.test>\r\n", "relay@contoso.com") == (plan.added, plan.header_from)
    assert apply(head, plan.edits).startswith(b'From: "Me" <relay@contoso.com>\r\n')
    assert FOREIGN == plan_for(head, Authors(ours, "reject")).refused
    assert ("fix@contoso.com", "fix@contoso.com", "") == (
        fixed.reverse_path,
        fixed.header_from,
        fixed.refused,
    )


def test_sealed_mail_keeps_every_octet() -> None:
    """What would have been put right is recorded as left alone; the seal is named."""
    plan = plan_for(b"DKIM-Signature: h=from:to:date; b=x\r\nFrom: a@b <a@b>\r\n")

    assert ((), b"Message-ID: <new@relay.test>\r\n", "DKIM-Signature") == (plan.edits, plan.added, plan.seal)
    assert ["syntax", "date", "recipient", "message_id"] == [one.name for one in plan.changes]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (b'Message/Partial; id="x"; number=1; total=2', [("divided", DIVIDED)]),
        (b"\r\n message/partial;id=x", [("divided", DIVIDED)]),
        (b"message/partially", []),
        (b"text/plain; x=message/partial", []),
    ],
)
def test_a_divided_message_goes_as_it_is_and_says_so(kind: bytes, changes: list[tuple[str, str]]) -> None:
    """Its recipients see [1/2]; nothing here can help but the device, and whoever looks at the message reads that."""
    plan = plan_for(b"From: a@b.test\r\nTo: x@y.test\r\n" + REST + b"Content-Type: " + kind + b"\r\n")

    assert ((), b"", changes) == (plan.edits, plan.added, [(one.name, one.what) for one in plan.changes])


def test_long_lines_of_a_header_are_folded() -> None:
    """Over 998 octets a line may not travel (RFC 5322 2.1.1)."""
    head = b"From: a@b.test\r\nTo: x@y.test\r\nReferences:" + b" <a@b>" * 300 + b"\r\n" + REST
    after = apply(head, plan_for(head).edits)

    assert max(map(len, after.split(b"\r\n"))) <= 76
    assert head.replace(b" ", b"") == after.replace(b"\r\n ", b"").replace(b" ", b"")
