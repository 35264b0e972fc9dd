"""The folders of mailboxes: Inbox with what was delivered and with non-delivery reports, Sent Items with copies.

An item appears by the clock alone: it is there from its time on. A copy or a delivered message names the message in the
record instead of holding its octets again; a report, which was never submitted, holds its own.
(Microsoft: "SMTP submission improvements", copies in Sent Items; Graph: mailFolder well-known names)
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

MOST_ITEMS = 5_000

Folder = Literal["inbox", "sentitems"]


@dataclass(frozen=True, slots=True)
class Item:
    """One message in a folder. number is its number in the record, or 0 where content holds it; at in Unix seconds."""

    folder: Folder
    at: float
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    number: int = 0
    content: bytes = field(default=b"", repr=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Postbox:
    """The items of every mailbox, by its primary address."""

    def __init__(self) -> None:
        self._boxes: dict[str, OrderedDict[str, Item]] = {}

    def put(self, mailbox: str, item: Item) -> None:
        """One more; of too many the oldest goes."""
        box = self._boxes.setdefault(mailbox.lower(), OrderedDict())
        box[item.id] = item
        if len(box) > MOST_ITEMS:
            box.popitem(last=False)

    def items(self, mailbox: str, folder: Folder, now: float) -> list[Item]:
        """What is in a folder now, oldest first."""
        box = self._boxes.get(mailbox.lower(), OrderedDict())
        there = [one for one in box.values() if one.folder == folder and one.at <= now]
        return sorted(there, key=lambda one: one.at)

    def item(self, mailbox: str, item_id: str) -> Item | None:
        """One item by its id."""
        return self._boxes.get(mailbox.lower(), OrderedDict()).get(item_id)

    def remove(self, mailbox: str, item_id: str) -> bool:
        """Delete one; False where there is none."""
        return self._boxes.get(mailbox.lower(), OrderedDict()).pop(item_id, None) is not None

    def clear(self) -> None:
        """Empty every folder."""
        self._boxes.clear()
