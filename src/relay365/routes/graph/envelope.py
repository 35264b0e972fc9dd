"""The envelope in the header: Graph has no other, it sends to whom To, Cc and Bcc name.

Whoever is named and not a recipient of this consignment is taken out, and whoever is a recipient and not named gets a
Bcc, which Exchange takes away before it delivers. A message that is signed cannot be changed so.
(Microsoft: "user: sendMail", "Create message"; RFC 5322 3.6.3, 3.6.6)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from relay365.mail.repair.addresses import Mailbox, plain, read_list
from relay365.mail.repair.fields import Draft, Field, split
from relay365.mail.repair.words import readable, text_of

NAMING = ("to", "cc", "bcc")
_ALSO = ("resent-to", "resent-cc", "resent-bcc")
_WHAT = "envelope"


@dataclass(frozen=True, slots=True)
class Addressed:
    """A header section that names the recipients and nobody else. head: with all its line ends, without the last.

    seal: why the header must not be changed, although n_taken_out says that it would have to be; else "".
    """

    head: bytes
    n_taken_out: int
    seal: str = ""


def addressed(head: bytes, body: bytes, recipients: Sequence[str]) -> Addressed:
    """The header section for these recipients, at most one Bcc field of ours in front.

    body: the beginning of what follows, which shows inline signatures.
    """
    draft = Draft(head, body)
    wanted = {address.lower(): address for address in recipients}
    named: set[str] = set()
    n_taken_out, is_doubtful = 0, False
    for field in draft.all(*NAMING, *_ALSO):
        boxes = read_list(text_of(field.value, "utf-8")).mailboxes
        kept = [one for one in boxes if one.address.lower() in wanted]
        n_taken_out += sum(1 for one in boxes if "@" in one.text and one.address.lower() not in wanted)
        if field.name in NAMING:
            named |= {one.address.lower() for one in kept}
        if not all(_is_plain(one, wanted) for one in boxes):
            is_doubtful = True
            draft.replace(field, _rewritten(field, kept), _WHAT, "names the recipients only")
    if draft.seal and is_doubtful:
        return Addressed(head, n_taken_out, draft.seal)
    missing = [f"<{address}>" for key, address in wanted.items() if key not in named]
    bcc = _field(b"Bcc", missing) if missing else b""
    return Addressed(bcc + b"".join(field.now for field in draft.fields), n_taken_out)


def _is_plain(one: Mailbox, wanted: dict[str, str]) -> bool:
    """Whether an element can stay: a recipient that every reader reads as we do, or nobody's address at all."""
    if "@" not in one.text:
        return True
    is_read_alike = one.is_well_formed or not one.text.isascii()
    return one.address.lower() in wanted and is_read_alike


def _rewritten(field: Field, kept: list[Mailbox]) -> bytes:
    return _field(field.label, [_element(one) for one in kept]) if kept else b""


def _element(one: Mailbox) -> str:
    if one.is_well_formed or not one.address.isascii():
        return one.text if one.is_well_formed else f"<{one.address}>"
    return " ".join(one.words())


def _field(label: bytes, elements: list[str]) -> bytes:
    """One element a line: no line gets too long, whatever they are."""
    return label + b": " + ",\r\n ".join(elements).encode("utf-8", "replace") + b"\r\n"


# -- the same as properties of a draft ---------------------------------------------------------------------------------

MOST_OWN_HEADERS = 5
_LISTS = (("toRecipients", "to"), ("ccRecipients", "cc"), ("bccRecipients", "bcc"))


def people_of(head: bytes) -> dict[str, Any]:
    """Whom a draft of this header section goes to, also those lists that are empty (RFC 5322 3.6.3)."""
    fields = [field for field in split(head) if field.name]
    return {key: _people(fields, name) for key, name in _LISTS}


def draft_of(head: bytes, body: dict[str, str]) -> dict[str, Any]:
    """A draft as JSON: the fields that it can have, and the recipients of a header section that names them alone."""
    fields = [field for field in split(head) if field.name]
    draft: dict[str, Any] = {"subject": _text(fields, "subject"), "body": body}
    draft |= {key: people for key, people in people_of(head).items() if people}
    if people := _people(fields, "reply-to"):
        draft["replyTo"] = people
    for key in ("from", "sender"):
        if people := _people(fields, key):
            draft[key] = people[0]
    own = [field for field in fields if field.name.startswith("x-")][:MOST_OWN_HEADERS]
    if own:
        draft["internetMessageHeaders"] = [
            {"name": field.label.decode("ascii"), "value": _value(field)} for field in own
        ]
    if message_id := _text(fields, "message-id"):
        draft["internetMessageId"] = message_id
    return draft


def _people(fields: list[Field], name: str) -> list[dict[str, Any]]:
    found = []
    for field in fields:
        if field.name == name:
            for one in read_list(text_of(field.value, "utf-8")).mailboxes:
                who = {"address": one.address, **({"name": readable(plain(one.name))} if one.name else {})}
                found += [{"emailAddress": who}] if one.address else []
    return found


def _text(fields: list[Field], name: str) -> str:
    return next((_value(field) for field in fields if field.name == name), "")


def _value(field: Field) -> str:
    return readable(text_of(field.value, "utf-8"))
