"""Drafts, their attachments, and the upload sessions that fill large ones. No HTTP.

A draft that was made of MIME keeps its octets until a property of it is changed; one that was made of JSON has
properties only. Contents above a border lie in temporary files, so a large upload does not stand in memory.
(Microsoft: "Create message", "message: copy", "Add attachment", "Attach large files to Outlook messages or events")
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from relay365.clock import Clock
from relay365.emulator.graph import mime
from relay365.emulator.graph.answers import GraphError, instant
from relay365.emulator.graph.mime import Part

MOST_DRAFTS = 2_000
INLINE_OCTETS = 256 * 1024
MOST_CHUNK_OCTETS = 4 * 1024 * 1024
SMALLEST_SESSION_OCTETS = 3 * 1024 * 1024
LARGEST_SESSION_OCTETS = 150 * 1024 * 1024


@dataclass(slots=True)
class Attachment:
    """One attachment of a draft; fields is its resource without contentBytes."""

    id: str
    fields: dict[str, Any]
    content: BinaryIO = field(repr=False)

    def view(self) -> dict[str, Any]:
        """The attachment as a list shows it."""
        return {"@odata.type": "#microsoft.graph.fileAttachment", **self.fields, "id": self.id}


@dataclass(slots=True)
class Draft:
    """One draft of one mailbox (its primary address)."""

    id: str
    mailbox: str
    at: float
    fields: dict[str, Any]
    octets: bytes = field(default=b"", repr=False)
    attachments: list[Attachment] = field(default_factory=list)

    def blocks(self) -> Iterator[bytes]:
        """It as MIME, block by block; the first has the whole header section."""
        parts = [Part(one.fields, one.content) for one in self.attachments]
        if self.octets:
            return mime.with_parts(self.octets, parts)
        return mime.written(self.fields, parts, self.at, str(self.fields["internetMessageId"]))

    def view(self) -> dict[str, Any]:
        """It as a message resource."""
        has_more = bool(self.attachments) or bool(self.fields.get("hasAttachments"))
        return {
            **self.fields, "id": self.id, "isDraft": True, "isRead": True, "createdDateTime": instant(self.at),
            "lastModifiedDateTime": instant(self.at), "hasAttachments": has_more,
        }  # fmt: skip

    def close(self) -> None:
        """Give its files back."""
        for one in self.attachments:
            one.content.close()


@dataclass(slots=True)
class Session:
    """One upload session; n_received octets stand in content."""

    id: str
    token: str = field(repr=False)
    draft: Draft
    fields: dict[str, Any]
    size: int
    until: float
    content: BinaryIO = field(repr=False)
    n_received: int = 0


class Drafts:
    """All drafts and sessions of the tenant."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._drafts: OrderedDict[str, Draft] = OrderedDict()
        self._sessions: dict[str, Session] = {}

    def add(self, mailbox: str, fields: dict[str, Any], octets: bytes = b"") -> Draft:
        """A new draft; of too many the oldest goes."""
        draft = Draft(f"AAMkAD{uuid.uuid4().hex}AAA=", mailbox.lower(), self._clock.now(), fields, octets)
        self._drafts[draft.id] = draft
        while len(self._drafts) > MOST_DRAFTS:
            self.remove(next(iter(self._drafts.values())))
        return draft

    def copy(self, draft: Draft) -> Draft:
        """The same once more, with attachments of its own."""
        found = self.add(draft.mailbox, dict(draft.fields), draft.octets)
        for one in draft.attachments:
            content = _content()
            one.content.seek(0)
            shutil.copyfileobj(one.content, content)
            self._add(found, dict(one.fields), content)
        return found

    def find(self, mailbox: str, draft_id: str) -> Draft | None:
        """A draft of a mailbox."""
        found = self._drafts.get(draft_id)
        return found if found is not None and found.mailbox == mailbox.lower() else None

    def of(self, mailbox: str) -> list[Draft]:
        """The drafts of a mailbox, oldest first."""
        return [one for one in self._drafts.values() if one.mailbox == mailbox.lower()]

    def remove(self, draft: Draft) -> None:
        """Forget a draft with its attachments and its sessions."""
        self._drafts.pop(draft.id, None)
        for session in [one for one in self._sessions.values() if one.draft is draft]:
            self.forget(session)
        draft.close()

    def attach(self, draft: Draft, fields: dict[str, Any], octets: bytes) -> Attachment:
        """A small attachment."""
        content = _content()
        content.write(octets)
        return self._add(draft, {**fields, "size": len(octets)}, content)

    def close(self) -> None:
        """Forget all."""
        for draft in list(self._drafts.values()):
            self.remove(draft)

    # -- upload sessions ------------------------------------------------------------------------------------------

    def open(self, draft: Draft, item: dict[str, Any], life_s: float) -> Session:
        """An upload session for an AttachmentItem; raises GraphError for a size that it is not for."""
        size = item.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not item.get("name"):
            raise GraphError("bad-json", "AttachmentItem needs attachmentType, name and size.")
        if size < SMALLEST_SESSION_OCTETS:
            raise GraphError("attachment-small")
        if size > LARGEST_SESSION_OCTETS:
            raise GraphError("attachment-large")
        kept: dict[str, Any] = {
            key: item[key] for key in ("name", "contentType", "isInline", "contentId") if key in item
        }
        session = Session(
            uuid.uuid4().hex,
            secrets.token_urlsafe(24),
            draft,
            kept,
            size,
            self._clock.now() + life_s,
            _content(),
        )
        self._sessions[session.id] = session
        return session

    def session(self, session_id: str, token: str) -> Session:
        """An open session; raises GraphError 404 where there is none, or it is over."""
        found = self._sessions.get(session_id)
        if found is None or not secrets.compare_digest(found.token.encode(), token.encode()):
            raise GraphError("no-session")
        if self._clock.now() >= found.until:
            self.forget(found)
            raise GraphError("no-session")
        return found

    def receive(self, session: Session, begins: int, octets: bytes) -> Attachment | None:
        """The next octets of a session; gives the attachment with the last of them. Raises GraphError 416 out of
        order.
        """
        if begins != session.n_received or begins + len(octets) > session.size or not octets:
            raise GraphError("bad-range")
        session.content.write(octets)
        session.n_received += len(octets)
        if session.n_received < session.size:
            return None
        del self._sessions[session.id]
        return self._add(session.draft, {**session.fields, "size": session.size}, session.content)

    def forget(self, session: Session) -> None:
        """Give a session up."""
        if self._sessions.pop(session.id, None) is not None:
            session.content.close()

    def _add(self, draft: Draft, fields: dict[str, Any], content: BinaryIO) -> Attachment:
        attachment = Attachment(f"AAMkAD{uuid.uuid4().hex}ATT=", fields, content)
        draft.attachments.append(attachment)
        return attachment


def _content() -> BinaryIO:
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(INLINE_OCTETS))
