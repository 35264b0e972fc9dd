"""What a person looks for among messages, and whether one message is it. Pure: it is judged on a message's own view.

Apart from the search, which only has to be quick: what an index or a scan finds is a guess until it has passed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from relay365.spool.api import MessageView, State

FOR_EVER = float("inf")
_PLAIN = re.compile(
    r"[ !#-)+-.0-;=@-Z^-~]+"
)  # stands the same in a column and in its JSON, and is no wildcard


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is empty asks nothing, all that is named must hold.

    words: each stands somewhere in the message's names, its people or the answers that it got. sender and to: part of
    an address; device: a device, login or address by its whole name. In these three `*` and `?` stand for anything.
    errors: a row or a class of the catalogue that one of its recipients has now. states: one recipient is in one.
    subject: part of it, for mail whose content is still kept; all other mail has none. Instants are epoch seconds: when
    it was accepted.
    """

    words: tuple[str, ...] = ()
    ids: frozenset[str] = frozenset()
    sender: str = ""
    to: str = ""
    device: str = ""
    states: frozenset[State] = field(default_factory=frozenset)
    errors: frozenset[str] = frozenset()
    subject: str = ""
    since_at: float = 0.0
    until_at: float = FOR_EVER
    octets: tuple[float, float] = (0.0, FOR_EVER)


def is_wanted(view: MessageView, wanted: Wanted) -> bool:
    """Whether a message is meant, but for its subject: that stands in the content, which a view does not have."""
    return (
        (not wanted.ids or view.spool_id in wanted.ids)
        and wanted.since_at <= view.accepted_at < wanted.until_at
        and wanted.octets[0] <= view.size_octets <= wanted.octets[1]
        and is_part(wanted.sender, view.reverse_path)
        and (not wanted.to or any(is_part(wanted.to, one.address) for one in view.recipients))
        and is_device(wanted.device, view)
        and (not wanted.states or any(one.state in wanted.states for one in view.recipients))
        and (not wanted.errors or any({one.row, one.klass} & wanted.errors for one in view.recipients))
        and all(_says(view, word.casefold()) for word in wanted.words)
    )


def is_part(pattern: str, text: str) -> bool:
    """Whether a text holds a pattern, in any case; with a wildcard the whole text must fit."""
    pattern, text = pattern.casefold(), text.casefold()
    if "*" in pattern or "?" in pattern:
        return fnmatchcase(text, pattern.replace("[", "[[]"))
    return pattern in text


def is_device(pattern: str, view: MessageView) -> bool:
    """Whether a message came from a device, a login or an address of this name."""
    facts, literal = view.submitter, pattern.casefold().replace("[", "[[]")
    names = (facts.device, facts.login, facts.peer_address)
    return not pattern or any(fnmatchcase(name.casefold(), literal) for name in names)


def needle(text: str) -> str:
    """The longest piece of a text that a database may look for in any case; "" where it has none.

    LIKE takes % and _ in it for anything, and so finds more than is meant.
    """
    return max(_PLAIN.findall(text.lower()), key=len, default="")


def _says(view: MessageView, word: str) -> bool:
    return any(word in text.casefold() for text in _texts(view))


def _texts(view: MessageView) -> Iterator[str]:
    facts = view.submitter
    yield from (view.spool_id, view.reverse_path, view.message_id, view.header_from)
    yield from (facts.device, facts.login, facts.peer_address, facts.helo)
    for one in view.recipients:
        yield from (one.address, one.last_reply, one.row, one.klass, one.remote_id, one.lane, one.fate_detail)
    yield from (event.detail for event in view.events)
