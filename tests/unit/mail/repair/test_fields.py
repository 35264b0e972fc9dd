"""A header section as fields: nothing is lost, only what is edited changes, and the record says it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.repair.fields import DIFF_OCTETS, Change, Draft, apply, end_of_head, record, split

HEAD = b"From: a@b\r\nnot a field\r\nSubject: long\r\n\tline\r\n"
LINES = st.lists(
    st.sampled_from([b"A: b\r\n", b"\tfold\r\n", b"junk\r\n", b": x\r\n", b"\xff: y\r\n", b"A : b\r\n"])
)


@settings(deadline=None)
@given(LINES)
def test_the_fields_are_the_head(lines: list[bytes]) -> None:
    """Joined they give it back, each at its offset."""
    head = b"".join(lines)
    fields = split(head)

    assert head == b"".join(field.octets for field in fields)
    assert all(head.startswith(field.octets, field.offset) for field in fields)


def test_only_what_is_edited_changes() -> None:
    """Edits are made at their places; the other octets stay."""
    draft = Draft(HEAD)
    subject = draft.first("subject")
    assert subject is not None
    draft.replace(subject, b"Subject: y\r\n", "syntax", "shorter")

    assert b"long\tline" == Draft(HEAD).fields[2].value
    assert b"From: a@b\r\nnot a field\r\nSubject: y\r\n\r\nbody" == apply(HEAD + b"\r\nbody", draft.edits())
    assert "syntax: shorter\n- Subject: long\n- \tline\n+ Subject: y" == record(draft.changes)


def test_a_sealed_message_is_left_alone_and_said_so() -> None:
    """Under a DKIM signature no field is changed, and none is added whose absence is signed (RFC 6376 5.4)."""
    draft = Draft(b"DKIM-Signature: v=1; h=From:Date; b=x\r\nFrom: a@b\r\n")
    draft.replace(draft.fields[1], b"From: c@d\r\n", "sender", "other")
    draft.add(b"Date: x\r\n", "date", "added")
    draft.add(b"To: y\r\n", "recipient", "added")

    assert ((), b"To: y\r\n") == (draft.edits(), bytes(draft.added))
    assert ["sender", "date"] == [one.name for one in draft.changes if "sealed" in one.what]


def test_the_head_ends_in_front_of_the_empty_line() -> None:
    """Also where there is no header, or no body; and not where it is too long to tell."""
    assert (3, 0, 3, -1, -1) == (
        end_of_head(b"A\r\n\r\nb", is_whole=False), end_of_head(b"\r\nb", is_whole=True),
        end_of_head(b"A\r\n", is_whole=True), end_of_head(b"A\r\n", is_whole=False),
        end_of_head(b"A" * 70_000 + b"\r\n\r\n", is_whole=True),
    )  # fmt: skip


def test_the_record_is_bounded() -> None:
    """Four kilobytes of old and new lines are kept, and how much more there was."""
    text = record([Change("raw_headers", "x", b"A: " + b"y" * 5000 + b"\r\n", b"B\r\n")])

    assert len(text) < DIFF_OCTETS + 200
    assert "- (909 octets more)\n+ (3 octets more)" in text
