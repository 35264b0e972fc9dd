"""What is learnt of recipients after Microsoft took them: its values, and the part of a spool that keeps them.

Apart from spool.api, because nothing on the way of a message needs it: a delivered recipient stays delivered, whatever
is learnt. Both names of a message can be asked for, our Message-ID and the one that the remote's 250 named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from relay365.mail.envelope import SpoolId
from relay365.spool.api import MessageView


class Later(Enum):
    """What became of a delivered recipient; the words of every JSON. Microsoft's own stand in routes.tracing."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXPANDED = "expanded"
    QUARANTINED = "quarantined"
    SPAM = "filtered-as-spam"
    RECALLED = "recalled"
    FAILED = "failed"


UNRESOLVED = ("", Later.PENDING.value)
"""Fates that may still change by themselves."""


@dataclass(frozen=True, slots=True)
class LaterFate:
    """What was learnt of one recipient. at: when it happened, as far as known; detail: the words that say why.

    owes_report: its sender must be told of it; only the first failure of a recipient makes a debt.
    """

    spool_id: SpoolId
    n: int
    fate: Later
    at: float
    detail: str = ""
    owes_report: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivered recipient whose fate is not known. message_id is ours, remote_id the one that the 250 named."""

    spool_id: SpoolId
    n: int
    address: str
    lane: str
    settled_at: float
    message_id: str
    remote_id: str
    reverse_path: str
    notify: str
    fate: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """Which messages are meant: those accepted since an instant, of some names only, to one address only.

    names: Message-IDs, ours or the remote's, with their angle brackets, or none for all; to: an address, in any case,
    or "" for all; limit keeps the newest.
    """

    names: frozenset[str] = frozenset()
    to: str = ""
    since_at: float = 0.0
    limit: int = 100


class LaterStore(Protocol):
    """The part of a spool that keeps what is learnt later."""

    async def learn_fates(self, fates: Sequence[LaterFate]) -> int:
        """Write what became of delivered recipients, with an event for each; gives how many of it was news.

        What is known already, what says less, and what is about a recipient that is not delivered changes nothing.
        """
        ...

    async def unresolved(
        self, after_at: float, until_at: float, *, lanes: frozenset[str], limit: int
    ) -> list[Sent]:
        """Recipients of some lanes that were delivered after an instant and until another, and may still fail."""
        ...

    async def search(self, wanted: Search) -> list[MessageView]:
        """Messages with their events, oldest first."""
        ...

    async def reports_read(self, mailbox: str) -> float:
        """Until which instant the reports in a mailbox were read; 0.0 where none ever was."""
        ...

    async def note_reports_read(self, mailbox: str, until_at: float) -> None:
        """Remember it; it never goes back."""
        ...


def is_news(known: tuple[str, str], fate: LaterFate) -> bool:
    """Whether a fate says more than what is known. known: fate and detail as they stand.

    A failure with its reason stays as it is; a report knows the reason where the trace knows only that it failed.
    """
    word, detail = known
    if word in UNRESOLVED:
        return fate.fate.value != word
    if word == Later.FAILED.value:
        return fate.fate is Later.FAILED and not detail and bool(fate.detail)
    return fate.fate is Later.FAILED and bool(fate.detail)


def event_of(fate: LaterFate) -> str:
    """The detail of event recipient.fate."""
    return f"{fate.fate.value}: {fate.detail}" if fate.detail else fate.fate.value


def folded(address: str) -> str:
    """An address as it is compared: without angle brackets, in no case."""
    return address.strip("<>").casefold()


def is_meant(view: MessageView, wanted: Search) -> bool:
    """Whether a message is to the address that is named, where one is."""
    address = folded(wanted.to)
    return not address or any(r.address.casefold() == address for r in view.recipients)
