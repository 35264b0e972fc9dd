"""Sending as Graph does it: recipients from the headers, the mailbox's own rules, then the post office.

202 says only that the message is in the mailbox, so what concerns recipients fails later, by the post office; what
concerns the mailbox itself is refused here. The minute of the mailbox is the one that SMTP uses, too: what is too much
for it is refused or comes later, as the mailbox's `surplus` says.
(Microsoft: "user: sendMail", "Things to know about sending mail from Outlook", "Send Outlook messages from another
user")
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from relay365.clock import Clock
from relay365.emulator import record
from relay365.emulator.directory import Directory, MailboxState
from relay365.emulator.entra.signing import Claims
from relay365.emulator.graph import mime
from relay365.emulator.graph.answers import GraphError
from relay365.emulator.tenant.office import Posting, PostOffice
from relay365.emulator.texts import MAILBOX_HOST
from relay365.mail.headers import read_head

_FROM = re.compile(rb"^from[ \t]*:(?:[^\n]|\n[ \t])*", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class How:
    """Circumstances of one sending: whether Sent Items gets a copy, whether the client hears, and its address."""

    saves_copy: bool = True
    answered: bool = True
    peer: str = ""


class Sending:
    """Sends, or raises GraphError."""

    def __init__(self, directory: Directory, office: PostOffice, clock: Clock) -> None:
        self._directory, self._office, self._clock = directory, office, clock
        self._waiting: set[asyncio.Task[None]] = set()

    def new_message_id(self) -> str:
        """A Message-ID as Exchange gives one to a message without."""
        return f"<{secrets.token_hex(16).upper()}@{MAILBOX_HOST}>"

    def send(self, state: MailboxState, claims: Claims, blocks: Iterator[bytes], how: How) -> None:
        """Send a message that is given as MIME; its first block has the whole header section."""
        first = next(blocks)
        recipients = mime.recipients_of(first)
        if not recipients:
            raise GraphError("no-recipients")
        if len(recipients) > state.settings.limits.recipients_per_message:
            state.box.error("box-recipients", self._clock.mono())
            raise GraphError("many-recipients")
        primary = state.settings.address
        author = read_head(first).header_from or primary
        owner = self._directory.owner(author)
        if owner is state:
            first, author = _with_primary(first, author, primary), primary
        self._check(state, claims, author)
        draft = self._office.begin()
        try:
            draft.write(mime.as_delivered(first, self.new_message_id(), author))
            for block in blocks:
                draft.write(block)
            self._check_size(state, draft.size)
            wait_s = self._wait_s(state)
        except BaseException:
            draft.drop()
            raise
        posting = Posting(
            "graph", primary, author, recipients, how.peer, answered=how.answered, saves_copy=how.saves_copy
        )
        if not wait_s:
            self._office.take(draft, posting)
            return
        task = asyncio.get_running_loop().create_task(self._later(state, draft, posting))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _check(self, state: MailboxState, claims: Claims, author: str) -> None:
        now = self._clock.mono()
        if state.box.locked(now):
            raise GraphError("blocked")
        if state.settings.full:
            state.box.error("box-full", now)
            raise GraphError("full")
        if state.may_send_as(author):
            return
        owner = self._directory.owner(author)
        members = owner.settings.members if owner is not None else ()
        if claims.user.lower() in {one.lower() for one in members}:
            return
        state.box.error("box-send-as", now)
        raise GraphError("send-as")

    def _check_size(self, state: MailboxState, size_octets: int) -> None:
        if size_octets > state.settings.limits.send_octets:
            raise GraphError("too-large-size")

    def _wait_s(self, state: MailboxState) -> float:
        now = self._clock.mono()
        wait_s = state.minute.wait_s(now)
        if wait_s and state.settings.limits.surplus == "refuse":
            state.minute.refuse(now)
            raise GraphError("minute")
        return wait_s

    async def _later(self, state: MailboxState, draft: record.Draft, posting: Posting) -> None:
        wait_s = state.minute.wait_s(self._clock.mono())
        try:
            while wait_s:
                await asyncio.sleep(wait_s)
                wait_s = state.minute.wait_s(self._clock.mono())
        except asyncio.CancelledError:  # the emulator ends
            draft.drop()
            raise
        self._office.take(draft, posting)


def _with_primary(head: bytes, author: str, primary: str) -> bytes:
    """The From field with the primary address in the place of an alias, which Graph does not honour."""

    def change(found: re.Match[bytes]) -> bytes:
        return re.sub(re.escape(author.encode()), primary.encode(), found[0], flags=re.IGNORECASE)

    end = head.find(b"\r\n\r\n")
    border = len(head) if end < 0 else end
    return _FROM.sub(change, head[:border], count=1) + head[border:]
