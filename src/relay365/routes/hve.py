"""High Volume Email: smtp.hve.mx.microsoft:587, to internal recipients, as the account and as nobody else.

MAIL FROM and From must be the account (5.7.62, 5.6.241), so both become it, and the old author goes to Reply-To. What
is signed cannot be changed so, and whom the tenant does not own cannot be reached: that is told without a try, and
another route may take it.
(Microsoft: "Manage high volume emails for Microsoft 365"; Set-HVEAccountSettings)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from relay365.errors import SpoolError
from relay365.mail.content import Content
from relay365.mail.envelope import ForwardPath
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.repair.author import rewrite_author
from relay365.mail.repair.fields import Draft
from relay365.mail.repair.rules import Authors, Given
from relay365.mail.status import EnhancedStatus
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.graph.mime import opening, without_head
from relay365.routes.wire.line import accept_cancellation
from relay365.routes.wire.route import Wire, WireRoute
from relay365.routes.wire.talk import broken, our_no


class Hve(WireRoute):
    """One account. domains: those of the tenant, in lower case."""

    kind = "hve"

    def __init__(
        self, name: str, account: str, domains: Collection[str], wire: Wire, limits: LaneLimits
    ) -> None:
        super().__init__(name, wire, limits, account)
        self._domains = frozenset(domains)

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """See routes.api.Route. Recipients outside are told so one by one; the others go together."""
        paths = consignment.envelope.forward_paths
        inside = tuple(path for path in paths if _domain(path) in self._domains)
        told = iter(await self._deliver(consignment, inside) if inside else ())
        return tuple(next(told) if _domain(path) in self._domains else _external(path) for path in paths)

    async def _deliver(
        self, consignment: Consignment, inside: tuple[ForwardPath, ...]
    ) -> tuple[Outcome, ...]:
        try:
            ours = await as_account(consignment, self.mailbox)
        except SpoolError as error:
            ours = broken(error, past_the_dot=False)
        except asyncio.CancelledError as stop:
            accept_cancellation()
            ours = broken(stop, past_the_dot=False)
        if isinstance(ours, Outcome):
            return (ours,) * len(inside)
        envelope = replace(consignment.envelope, reverse_path=self.mailbox, forward_paths=inside)
        return await super().deliver(replace(ours, envelope=envelope))


async def as_account(consignment: Consignment, account: str) -> Consignment | Outcome:
    """The consignment with the account as its author, or why that cannot be. Raises SpoolError.

    The header section alone is edited, that of ours in front (trace) with it; the rest keeps its octets.
    """
    author = consignment.header_from
    if author.lower() == account.lower():
        return consignment
    start = await opening(consignment.content)
    if start is None:
        return _no(author, account, "its header section is longer than 64 KiB")
    trace = consignment.trace
    draft = Draft(trace + start.head, start.body)
    if draft.seal:
        return _no(author, account, f"it is sealed ({draft.seal})")
    if draft.first("from") is None:
        draft.add(f"From: <{account}>\r\n".encode(), "sender", "added, the account")
    else:
        given = Given(consignment.envelope.reverse_path, "", 0.0, is_utf8=consignment.envelope.smtputf8)
        rewrite_author(draft, Authors(keep_as="reply-to"), given, account)
    ours = b"".join(field.now for field in draft.fields if field.offset < len(trace))
    theirs = b"".join(field.now for field in draft.fields if field.offset >= len(trace))
    content = Reheaded(theirs, consignment.content, len(start.head))
    return replace(consignment, trace=ours + bytes(draft.added), content=content, header_from=account)


class Reheaded:
    """A content with another header section. n_skipped: octets of the old one."""

    def __init__(self, head: bytes, content: Content, n_skipped: int) -> None:
        self._head, self._content, self._n_skipped = head, content, n_skipped
        self.size_octets = len(head) + content.size_octets - n_skipped

    def octets(self) -> bytes | None:
        """See mail.content.Content."""
        whole = self._content.octets()
        return None if whole is None else self._head + whole[self._n_skipped :]

    async def blocks(self) -> AsyncIterator[bytes]:
        """See mail.content.Content."""
        yield self._head
        async for block in without_head(self._content, self._n_skipped):
            yield block


def _domain(path: ForwardPath) -> str:
    return path.address.rpartition("@")[2].lower()


def _external(path: ForwardPath) -> Outcome:
    text = f"550 5.5.105 High Volume Email does not reach {_domain(path)}, which is no domain of the tenant"
    status = EnhancedStatus(5, 5, 105)
    return Outcome(Kind.FAILED, Scope.RECIPIENT, Class.MESSAGE, status, text, "hve-external", offered=False)


def _no(author: str, account: str, why: str) -> Outcome:
    text = f"550 5.6.241 From is {author or 'nobody'} and cannot become {account}: {why}"
    return our_no("5.6.241", text, "hve-from")
