"""The plan for one message: which edits its header needs, what its envelope's sender becomes, or why it is refused.

Pure: octets, rules, facts and an instant in, one value out. The order of the repairs is here and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from relay365.mail.repair.addresses import UNDISCLOSED, mended
from relay365.mail.repair.author import (
    FOREIGN,
    Sender,
    first_author,
    mend_author,
    name_sender,
    rewrite_author,
    sender_of,
)
from relay365.mail.repair.body.encoders import long_line
from relay365.mail.repair.dates import mend_date
from relay365.mail.repair.fields import Change, Draft, Edit, Field
from relay365.mail.repair.glance import Glance
from relay365.mail.repair.lines import mend_lines
from relay365.mail.repair.rules import Authors, Given, Rules
from relay365.mail.repair.words import fold, parameters, text_of, unstructured

DIVIDED = "a piece of a divided message: switch divided sending off in the device, or raise its limit"
_ADDRESSES = (
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "sender",
    "resent-from",
    "resent-to",
    "resent-cc",
    "resent-sender",
)
_LISTS = ("to", "cc", "reply-to", "sender")
_PARAMETERS = ("content-type", "content-disposition")
_OPAQUE = frozenset((
    "received", "return-path", "message-id", "date", "in-reply-to", "references", "mime-version",
    "content-transfer-encoding", "content-id", "dkim-signature",
))  # fmt: skip


class Plan(NamedTuple):
    """What becomes of a message. added: header lines in front of it, behind our trace.

    seal: why what stands in it is left alone ("" where nothing speaks against edits). refused: why it may not pass, in
    words for a panel, "" where it may. piece: which one of a divided message it is (Glance.piece).
    """

    reverse_path: str
    message_id: str
    header_from: str
    added: bytes = b""
    edits: tuple[Edit, ...] = ()
    changes: tuple[Change, ...] = ()
    seal: str = ""
    refused: str = ""
    piece: str = ""


def make_plan(glance: Glance, body: bytes, rules: Rules, authors: Authors, given: Given) -> Plan:
    """Decide about a message; body: the beginning of what follows the header section."""
    facts = glance.facts
    if not glance.wants_repair(rules, authors, given):
        return Plan(given.reverse_path, facts.message_id, facts.header_from)
    sender = sender_of(authors, given)
    if authors.refuses(facts.header_from) and not given.sender:
        return Plan(given.reverse_path, facts.message_id, facts.header_from, refused=FOREIGN)
    draft = Draft(glance.octets, body)
    if sender.what:
        draft.leave("sender", f"MAIL FROM {sender.what}")
    if glance.is_divided():
        draft.leave("divided", DIVIDED)
    _mend(draft, _needed(glance, rules, given), authors, given, sender)
    message_id = facts.message_id
    if not message_id and rules.message_id:
        message_id = given.new_message_id
        draft.add(f"Message-ID: {message_id}\r\n".encode("ascii"), "message_id", "added")
    header_from = facts.header_from
    if any(change.name in {"sender", "syntax"} for change in draft.changes):
        header_from = first_author(draft, given.charset).address or (
            sender.path if draft.added else header_from
        )
    return Plan(
        sender.path,
        message_id,
        header_from,
        bytes(draft.added),
        draft.edits(),
        tuple(draft.changes),
        draft.seal,
        piece=glance.piece(),
    )


def _needed(glance: Glance, rules: Rules, given: Given) -> Rules:
    """The rules without those whose fault this header does not have: a field that is only missing costs little."""
    return replace(
        rules,
        syntax=rules.syntax and not glance.is_well_formed(),
        raw_headers=rules.raw_headers and not given.is_utf8 and not glance.octets.isascii(),
    )


def _mend(draft: Draft, rules: Rules, authors: Authors, given: Given, sender: Sender) -> None:
    """All repairs, in the order in which one needs the other."""
    if rules.syntax and not draft.seal:
        mend_lines(draft)
    mend_author(draft, rules, given, sender)
    if given.sender or authors.foreign != "pass":
        author = first_author(draft, given.charset).address
        if given.sender and author.lower() != given.sender.lower():
            rewrite_author(draft, authors, given, given.sender)
        elif authors.is_foreign(author):
            rewrite_author(draft, authors, given, authors.rewrite_to)
    if rules.syntax:
        name_sender(draft, given.charset)
    if rules.date != "none":
        mend_date(draft, rules, given)
    if rules.recipient and not draft.all("to", "cc"):
        draft.add(f"To: {UNDISCLOSED}\r\n".encode("ascii"), "recipient", "added")
    for field in list(draft.fields) if rules.raw_headers or rules.syntax else ():
        if field.now and rules.raw_headers and not field.now.isascii():
            _mend_raw(draft, field, given.charset)
        elif field.now and rules.syntax and field.name in _LISTS:
            _mend_list(draft, field, given.charset)
        if rules.syntax and field.name and field.now.isascii() and long_line(field.now)[0]:
            words = field.value.decode("ascii").split()
            draft.replace(field, fold(_label(field), words), "syntax", f"{_label(field)} folded")


def _mend_list(draft: Draft, field: Field, charset: str) -> None:
    """Form a field of recipients anew; an empty one may not stand (RFC 5322 3.6.3)."""
    label = _label(field)
    if not field.value:
        now = fold("To", [UNDISCLOSED]) if field.name == "to" else b""
        draft.replace(field, now, "syntax", f"{label} was empty")
        return
    formed = mended(label, text_of(field.value, charset), is_author=False)
    if formed is not None:
        draft.replace(field, formed, "syntax", f"{label}: names quoted, list in order")


def _mend_raw(draft: Draft, field: Field, charset: str) -> None:
    """Encode one field's octets that are not ASCII."""
    label, text = _label(field), text_of(field.value, charset)
    if field.name in _ADDRESSES:
        now = mended(label, text, is_author=field.name in {"from", "sender", "reply-to"})
    elif field.name in _PARAMETERS:
        now = parameters(label, text)
    elif field.name in _OPAQUE or not field.name:
        now = None
    else:
        now = unstructured(label, text)
    if now is None:
        draft.leave("raw_headers", f"{label or 'a line'} has octets that nothing can stand for: left alone")
    else:
        draft.replace(field, now, "raw_headers", f"{label} encoded")


def _label(field: Field) -> str:
    return field.label.decode("ascii", "replace") if field.name else ""
