"""The folders of mailboxes."""

from __future__ import annotations

import pytest

from relay365.emulator.tenant import postbox
from relay365.emulator.tenant.postbox import Folder, Item, Postbox


def _item(at: float, subject: str, folder: Folder = "inbox") -> Item:
    return Item(folder, at, "a@x", ("b@y",), subject, "<1@x>")


def test_items_appear_in_their_time() -> None:
    """A folder shows what is there now, oldest first, and nothing of other folders or mailboxes."""
    box = Postbox()
    box.put("Scan@x", _item(5.0, "late"))
    box.put("scan@x", _item(1.0, "early"))
    box.put("scan@x", _item(1.0, "copy", "sentitems"))
    box.put("erp@x", _item(1.0, "other"))

    assert [["early"], ["early", "late"]] == [
        [one.subject for one in box.items("scan@X", "inbox", now)] for now in (4.9, 5.0)
    ]
    assert ["copy"] == [one.subject for one in box.items("scan@x", "sentitems", 9.0)]


def test_one_item() -> None:
    """An item is found by its id and deleted once."""
    box, item = Postbox(), _item(1.0, "one")
    box.put("scan@x", item)

    assert (item, None) == (box.item("scan@x", item.id), box.item("erp@x", item.id))
    assert [True, False] == [box.remove("scan@x", item.id) for _ in range(2)]


def test_a_box_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many items the oldest goes; clear() empties all."""
    monkeypatch.setattr(postbox, "MOST_ITEMS", 2)
    box = Postbox()
    for n in range(3):
        box.put("scan@x", _item(float(n), str(n)))

    assert ["1", "2"] == [one.subject for one in box.items("scan@x", "inbox", 9.0)]
    box.clear()
    assert [] == box.items("scan@x", "inbox", 9.0)
