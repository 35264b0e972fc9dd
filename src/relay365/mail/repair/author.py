"""From and the envelope's sender: added, put into a readable form, or made one that the mailbox may use.

Microsoft refuses a From and a MAIL FROM that the mailbox may not send as (5.2.252, 5.7.60), a From without a readable
address (5.7.512), and several authors without a Sender (5.1.20). (RFC 5322 3.6.2)
"""

from __future__ import annotations

from dataclasses import dataclass

from relay365.mail.address import check_path
from relay365.mail.refusals import entering
from relay365.mail.repair.addresses import Mailbox, mended, plain, quoted, read_list
from relay365.mail.repair.fields import Draft, Field
from relay365.mail.repair.rules import Authors, Given, Rules
from relay365.mail.repair.words import encoded_words, fold, text_of

FOREIGN = entering.FROM_DOMAIN.words


@dataclass(frozen=True, slots=True)
class Sender:
    """The envelope's sender as it will be. what: in words, "" where nothing changed."""

    path: str
    what: str = ""


def sender_of(authors: Authors, given: Given) -> Sender:
    """The envelope's sender: the client's fixed one, else what [sender] makes of it; what it refuses ended at MAIL."""
    path = given.reverse_path
    if given.sender:
        return Sender(given.sender, f"{path or '<>'} became {given.sender}" if path != given.sender else "")
    wish = authors.null if not path else authors.foreign if authors.is_foreign(path) else "pass"
    if wish == "rewrite":
        return Sender(authors.rewrite_to, f"{path or '<>'} became {authors.rewrite_to}")
    return Sender(path)


def first_author(draft: Draft, charset: str) -> Mailbox:
    """The first author that From names; without an address where it names none."""
    field = draft.first("from")
    boxes = read_list(text_of(field.value, charset), joins_names=True).mailboxes if field is not None else ()
    return next((one for one in boxes if one.address), boxes[0] if boxes else Mailbox("", "", ""))


def mend_author(draft: Draft, rules: Rules, given: Given, sender: Sender) -> None:
    """A missing From is added, a nameless one named, a malformed one formed, a second one set aside."""
    field = draft.first("from")
    can_send = bool(sender.path) and not check_path(sender.path)
    if field is None:
        if rules.sender and can_send:
            draft.add(f"From: <{sender.path}>\r\n".encode(), "sender", "added, the envelope's sender")
        return
    if not rules.syntax:
        return
    for other in draft.all("from")[1:]:
        draft.replace(other, b"X-Original-" + other.now, "syntax", "a second From was set aside")
    author = first_author(draft, given.charset)
    if not author.address:
        if can_send:
            words = [*_name_words(plain(author.name)), f"<{sender.path}>"]
            draft.replace(field, fold("From", words), "syntax", "it named no address; the envelope's sender")
        return
    now = mended("From", text_of(field.value, given.charset), is_author=True)
    if now is not None:
        draft.replace(field, now, "syntax", "names quoted, list in order")


def name_sender(draft: Draft, charset: str) -> None:
    """Several authors without a Sender: it is the first of them (RFC 5322 3.6.2)."""
    field = draft.first("from")
    boxes = read_list(text_of(field.value, charset), joins_names=True).mailboxes if field is not None else ()
    if len(boxes) > 1 and draft.first("sender") is None and boxes[0].address.isascii():
        draft.add(f"Sender: <{boxes[0].address}>\r\n".encode(), "syntax", "Sender added: From names several")


def rewrite_author(draft: Draft, authors: Authors, given: Given, target: str) -> None:
    """From becomes the target; the old author stays in Reply-To or in the name, as [sender] keep_as says."""
    field = draft.first("from")
    if field is None:
        return
    old = first_author(draft, given.charset)
    name = plain(old.name)
    if authors.keep_as == "display-name" and old.address:
        name = f"{name} ({old.address})" if name else old.address
    what = f"From {old.address or 'without an address'} became {target}"
    draft.replace(field, fold("From", [*_name_words(name), f"<{target}>"]), "sender", what)
    if authors.keep_as == "reply-to" and draft.first("reply-to") is None and _is_usable(old):
        line = f"Reply-To: <{old.address}>\r\n".encode()
        draft.add(line, "sender", "Reply-To added, the old author")
    for other in draft.all("sender", "from"):
        if other is not field:
            _set_aside(draft, other)


def _set_aside(draft: Draft, field: Field) -> None:
    draft.replace(field, b"X-Original-" + field.now, "sender", f"{field.label.decode('ascii')} was set aside")


def _is_usable(author: Mailbox) -> bool:
    return bool(author.address) and author.address.isascii() and not check_path(author.address)


def _name_words(name: str) -> list[str]:
    if not name:
        return []
    return [quoted(name)] if name.isascii() else encoded_words(name)
