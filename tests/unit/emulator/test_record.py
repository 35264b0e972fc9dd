"""What was delivered: exact octets, duplicates, and bounds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from relay365.emulator import record as module
from relay365.emulator.record import INLINE_OCTETS, Arrival, Delivered, Record


def _keep(record: Record, content: bytes, block: int = 4096) -> Delivered:
    draft = record.begin()
    for at in range(0, len(content), block):
        draft.write(content[at : at + block])
    return record.keep(draft, Arrival("scan@contoso.com", "a@x", ("b@y",), 5.0))


def _content(record: Record, number: int) -> bytes:
    kept = record.content(number)
    return kept.read_bytes() if isinstance(kept, Path) else kept


@pytest.mark.parametrize("size", [0, 10, INLINE_OCTETS, INLINE_OCTETS + 1, 1_000_000])
def test_contents_are_kept_octet_for_octet(tmp_path: Path, size: int) -> None:
    """What was written is what is read, with its size and its SHA-256, in memory and in a file."""
    record = Record(tmp_path)
    content = (b"Message-ID: <1@x>\r\n\r\n" + b"x" * size)[:size]

    message = _keep(record, content)

    assert content == _content(record, message.number)
    assert (size, hashlib.sha256(content).hexdigest()) == (message.size, message.sha256)
    assert (size > INLINE_OCTETS) == isinstance(record.content(message.number), Path)


def test_small_contents_above_the_budget_go_to_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds small contents only up to the budget; what is deleted gives its share back."""
    monkeypatch.setattr(module, "MEMORY_OCTETS", 100)
    record = Record(tmp_path)
    kinds = [type(record.content(_keep(record, b"x" * 60).number)) for _ in range(2)]
    record.clear()
    again = type(record.content(_keep(record, b"y" * 60).number))

    assert bytes is kinds[0]
    assert issubclass(kinds[1], Path)
    assert bytes is again
    assert [] == list(tmp_path.glob("*.eml"))


def test_the_view(tmp_path: Path) -> None:
    """A message is described with every key of the control API."""
    content = b"From: a@x\r\nMessage-ID: <7@x>\r\n\r\n"

    assert {
        "number": 1, "mailbox": "scan@contoso.com", "reverse_path": "a@x", "recipients": ["b@y"],
        "size": len(content), "received_at": 5.0, "message_id": "<7@x>",
        "sha256": hashlib.sha256(content).hexdigest(), "duplicate": False, "repairs": 0, "answered": True,
        "service": "submission",
    } == _keep(Record(tmp_path), content).view()  # fmt: skip


def test_duplicates(tmp_path: Path) -> None:
    """The same Message-ID with the same content is a duplicate; either alone is not."""
    record = Record(tmp_path)
    contents = [
        b"Message-ID: <1@x>\r\n\r\na", b"Message-ID: <1@x>\r\n\r\nb", b"Message-ID: <2@x>\r\n\r\na",
        b"Message-ID: <1@x>\r\n\r\na",
    ]  # fmt: skip

    assert [False, False, False, True] == [_keep(record, content).duplicate for content in contents]
    assert (4, 1) == (record.n_accepted, record.n_duplicates)


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many messages the oldest are forgotten, with their files, and counted."""
    monkeypatch.setattr(module, "MOST_MESSAGES", 2)
    record = Record(tmp_path)
    for n in range(4):
        _keep(record, b"x" * (INLINE_OCTETS + 1 + n))

    assert ([3, 4], 2, 2) == (
        [one.number for one in record.messages()], record.n_forgotten, len(list(tmp_path.glob("*.eml"))),
    )  # fmt: skip
    assert record.message(1) is None


def test_numbers_go_on_after_clear(tmp_path: Path) -> None:
    """Clearing forgets messages and duplicates; numbers never come twice."""
    record = Record(tmp_path)
    _keep(record, b"same")
    record.clear()
    again = _keep(record, b"same")

    assert (2, False, [2], []) == (
        again.number, again.duplicate, [one.number for one in record.messages(after=1)], record.messages(after=2),
    )  # fmt: skip


def test_a_dropped_draft_leaves_nothing(tmp_path: Path) -> None:
    """A content that was not taken leaves no file; what an earlier run left is cleared at the start."""
    draft = Record(tmp_path).begin()
    draft.write(b"x" * (INLINE_OCTETS + 1))
    assert 1 == len(list(tmp_path.glob("*.eml")))
    draft.drop()
    (tmp_path / "00000009.eml").write_bytes(b"left over")
    Record(tmp_path)

    assert [] == list(tmp_path.glob("*.eml"))
