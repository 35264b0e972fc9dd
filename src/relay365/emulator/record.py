"""What was delivered, and how often what happened: the emulator's word on what a relay really did.

Small contents stay in memory up to a budget; larger ones, and small ones above the budget, lie as files in
delivered/. Everything is bounded: the oldest messages go when there are too many, and the counters say how many went.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from relay365.mail.headers import read_head

INLINE_OCTETS = 64 * 1024
MEMORY_OCTETS = 64 * 1024 * 1024
MOST_MESSAGES = 200_000
HEAD_OCTETS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a message came: mailbox of the sending account ("" at the MX host), envelope, Unix seconds, service."""

    mailbox: str
    reverse_path: str
    recipients: tuple[str, ...]
    at: float
    repairs: int = 0
    answered: bool = True
    service: str = "submission"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message that was taken. answered is False where the emulator did not say so (mood `lie`)."""

    number: int
    mailbox: str
    reverse_path: str
    recipients: tuple[str, ...]
    size: int
    received_at: float
    message_id: str
    sha256: str
    duplicate: bool
    repairs: int
    answered: bool
    service: str

    def view(self) -> dict[str, Any]:
        """The message for the control API."""
        return {name: getattr(self, name) for name in self.__slots__} | {"recipients": list(self.recipients)}


class Draft:
    """A content while it comes."""

    def __init__(self, file: Path) -> None:
        self.size = 0
        self.head = bytearray()
        self.file = file
        self._blocks: list[bytes] = []
        self._out: BinaryIO | None = None
        self._hash = hashlib.sha256()

    def write(self, block: bytes) -> None:
        """Take a block; raises OSError where the disk does not take it."""
        self.size += len(block)
        self._hash.update(block)
        if len(self.head) < HEAD_OCTETS:
            self.head += block
        if self._out is not None:
            self._out.write(block)
            return
        self._blocks.append(block)
        if self.size > INLINE_OCTETS:
            self.spill()

    def spill(self) -> None:
        """Move what is in memory to the file."""
        if self._out is None:
            self._out = self.file.open("wb")  # closed by finish() or drop()
            self._out.writelines(self._blocks)
            self._blocks.clear()

    def finish(self) -> tuple[bytes | None, str]:
        """(the content, or None where it is in the file; its SHA-256 in hexadecimal)."""
        if self._out is None:
            return b"".join(self._blocks), self._hash.hexdigest()
        self._out.close()
        return None, self._hash.hexdigest()

    def drop(self) -> None:
        """Forget it."""
        if self._out is not None:
            self._out.close()
            self._out = None
            self.file.unlink(missing_ok=True)
        self._blocks.clear()


@dataclass(slots=True)
class Tally:
    """Counters of one run."""

    connections: int = 0
    connections_open: int = 0
    tls_handshakes: int = 0
    tls_failures: int = 0
    logins: int = 0
    token_requests: int = 0
    tokens_granted: int = 0
    token_refusals: Counter[str] = field(default_factory=Counter)
    graph_requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class Record:
    """The messages and the counters."""

    def __init__(self, folder: Path) -> None:
        self.tally = Tally()
        self.n_accepted = 0
        self.n_duplicates = 0
        self.n_forgotten = 0
        self._folder = folder
        self._messages: OrderedDict[int, Delivered] = OrderedDict()
        self._contents: dict[int, bytes] = {}
        self._memory_octets = 0
        self._seen: set[bytes] = set()
        self._drafts = 0
        for left_over in folder.glob("*.eml"):
            left_over.unlink()

    def begin(self) -> Draft:
        """A place for a content that begins."""
        self._drafts += 1
        return Draft(self._folder / f"draft-{self._drafts}.eml")

    def keep(self, draft: Draft, arrival: Arrival) -> Delivered:
        """A content that was taken. Raises OSError."""
        if self._memory_octets + draft.size > MEMORY_OCTETS:
            draft.spill()
        content, digest = draft.finish()
        message_id = read_head(bytes(draft.head)).message_id
        mark = hashlib.sha256(f"{message_id} {digest}".encode()).digest()
        number = self.n_accepted + 1
        message = Delivered(
            number, arrival.mailbox, arrival.reverse_path, arrival.recipients, draft.size, arrival.at, message_id,
            digest, mark in self._seen, arrival.repairs, arrival.answered, arrival.service,
        )  # fmt: skip
        if content is None:
            draft.file.replace(self._file(number))
        else:
            self._contents[number] = content
            self._memory_octets += len(content)
        self._seen.add(mark)
        self.n_accepted = number
        self.n_duplicates += message.duplicate
        self._messages[number] = message
        while len(self._messages) > MOST_MESSAGES:
            self._forget(next(iter(self._messages)))
            self.n_forgotten += 1
        return message

    def messages(self, after: int = 0) -> list[Delivered]:
        """All that are kept, oldest first; with `after` those with a larger number."""
        return [one for one in self._messages.values() if one.number > after]

    def message(self, number: int) -> Delivered | None:
        """One message."""
        return self._messages.get(number)

    def content(self, number: int) -> bytes | Path:
        """Its content, or the file that has it; raises KeyError."""
        return (
            self._contents[number] if number in self._contents else self._file(self._messages[number].number)
        )

    def clear(self) -> None:
        """Forget all messages and the memory of duplicates; numbers and counters go on."""
        for number in list(self._messages):
            self._forget(number)
        self._seen.clear()

    def _forget(self, number: int) -> None:
        del self._messages[number]
        content = self._contents.pop(number, None)
        if content is not None:
            self._memory_octets -= len(content)
        else:
            self._file(number).unlink(missing_ok=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:08d}.eml"
