"""The Graph road of one mailbox: MIME sendMail for what fits in one request, a draft with attachments for the rest.

Success is 202 and nothing else, and says only that the mailbox has the message: what Exchange makes of it comes later.
(Microsoft: "user: sendMail"; "Overview of Outlook mail API: things to know about sending mail", read 2026-11)
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Protocol
from urllib.parse import quote

from relay365.clock import Clock
from relay365.errors import SpoolError, TokenRefused, TransportError
from relay365.mail.outcome import Kind, Outcome, Scope
from relay365.mail.repair.fields import Draft
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.classify import outcome_of_token
from relay365.routes.graph import judge
from relay365.routes.graph.client import GraphClient
from relay365.routes.graph.envelope import Addressed, addressed
from relay365.routes.graph.halves import Halves, named_in
from relay365.routes.graph.mime import MimeBody, Opening, opening
from relay365.routes.wire.ear import DEAF, Ears, nobody
from relay365.routes.wire.line import accept_cancellation

INVALID = "graph-recipients"
"""The row that says that one of the recipients is not valid: nobody got the message."""

PARTED = (INVALID, "graph-too-many-recipients")
"""The rows for the sake of which a message goes to fewer at once."""

MIME = {"Content-Type": "text/plain"}


class Rebuild(Protocol):
    """How a message goes that is too large for one request."""

    async def __call__(self, client: GraphClient, user: str, message: Large) -> Outcome:
        """Send it; raises TransportError, TokenRefused, SpoolError, and CancelledError while nothing was sent."""
        ...

    async def close(self) -> None:
        """End what is left to do, within a second."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Large:
    """A message for rebuilding: what is sent, with its header for these recipients; n_left have their turn later."""

    consignment: Consignment
    head: bytes
    n_skipped: int
    n_left: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """mime_limit: octets of a message that goes in one request; rebuild: how larger ones go, None for not at all.

    ears: who listens to the attempts.
    """

    mime_limit: int
    rebuild: Rebuild | None = None
    ears: Ears = nobody


class Graph:
    """One sending mailbox of one tenant."""

    kind = "graph"

    def __init__(
        self,
        name: str,
        mailbox: str,
        client: GraphClient,
        manner: Manner,
        *,
        limits: LaneLimits,
        clock: Clock,
    ) -> None:
        self.name, self.mailbox = name, mailbox
        self.lane = f"{name}/{mailbox}"
        self.limits = limits
        self._client, self._manner, self._clock = client, manner, clock
        self._halves = Halves()

    def __repr__(self) -> str:
        return f"<Graph {self.lane}>"

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """See routes.api.Route; one request tells all recipients the same, unless one of them is not valid."""
        paths = consignment.envelope.forward_paths
        n_now = self._halves.n_next(consignment.spool_id, len(paths))
        envelope = dataclasses.replace(consignment.envelope, forward_paths=paths[:n_now])
        ear = self._manner.ears(consignment.spool_id)
        client = self._client.heard_by(ear)
        try:
            outcome = await self._deliver(
                client, dataclasses.replace(consignment, envelope=envelope), len(paths) - n_now
            )
            if outcome.kind is Kind.FAILED and not outcome.offered:
                ear.note(outcome.reply_text)
        except asyncio.CancelledError:
            accept_cancellation()
            outcome = judge.stopped()
        except TokenRefused as refused:
            outcome = dataclasses.replace(outcome_of_token(refused), offered=False)
        except (TransportError, SpoolError) as error:
            outcome = judge.outcome_of_break(error)
        finally:
            client.ear = DEAF  # what is tidied up later is no part of the attempt
            ear.ended()
        return self._spread(outcome, consignment, n_now)

    def _spread(self, outcome: Outcome, consignment: Consignment, n_now: int) -> tuple[Outcome, ...]:
        """An outcome for each: those that were left out have their turn soon."""
        spool_id, paths = consignment.spool_id, consignment.envelope.forward_paths
        n_left = len(paths) - n_now
        if outcome.row in PARTED:
            addresses = [path.address for path in paths[:n_now]]
            named = named_in(outcome.reply_text, addresses) if outcome.row == INVALID else set()
            alone = {0} if n_now == 1 else named
            if not alone:
                self._halves.refused(spool_id, n_now)
            elif len(alone) == len(paths):
                self._halves.ended(spool_id)
            failed = dataclasses.replace(outcome, scope=Scope.RECIPIENT)
            told = [failed if n in alone else judge.not_yet(outcome) for n in range(n_now)]
            return (*told, *(judge.not_yet(outcome),) * n_left)
        if outcome.kind in (Kind.DELIVERED, Kind.UNCERTAIN):
            self._halves.taken(spool_id, n_now, n_left)
        return (*(outcome,) * n_now, *(judge.not_yet(outcome),) * n_left)

    async def close(self) -> None:
        """See routes.api.Route; mailboxes share the client, and closing it twice does no harm."""
        if self._manner.rebuild is not None:
            await self._manner.rebuild.close()
        await self._client.close()

    async def _deliver(self, client: GraphClient, consignment: Consignment, n_left: int) -> Outcome:
        start = await opening(consignment.content)
        if start is None:
            return judge.our_no("graph-too-large", "the header section is longer than 64 KiB")
        recipients = [path.address for path in consignment.envelope.forward_paths]
        found = addressed(start.head, start.body, recipients)
        if found.seal:
            text = (
                f"{found.n_taken_out} named in the header are no recipients, and it is signed ({found.seal})"
            )
            return judge.our_no("graph-signed-split", text)
        size = len(consignment.trace) + len(found.head) + consignment.content.size_octets - len(start.head)
        if size <= self._manner.mime_limit:
            outcome = await self._send_mime(client, consignment, start, found)
        else:
            outcome = await self._send_large(
                client, Large(consignment, found.head, len(start.head), n_left), start, size
            )
        return _with_note(outcome, found.n_taken_out)

    async def _send_mime(
        self, client: GraphClient, consignment: Consignment, start: Opening, found: Addressed
    ) -> Outcome:
        body = MimeBody(consignment.trace + found.head, consignment.content, len(start.head))
        try:
            answer = await client.request("POST", f"{self._user}/sendMail", content=body, headers=MIME)
        except asyncio.CancelledError:
            if not body.is_out:
                raise
            accept_cancellation()
            return judge.unanswered("the relay was stopped")
        return judge.outcome_of_answer(answer, self._clock.now())

    async def _send_large(self, client: GraphClient, large: Large, start: Opening, size: int) -> Outcome:
        if self._manner.rebuild is None:
            limit = self._manner.mime_limit
            return judge.our_no("graph-too-large", f"{size} octets are more than go in one request ({limit})")
        seal = _seal_of(start)
        if seal:
            return judge.our_no(
                "graph-signed-large", f"{size} octets must be sent in parts, and it is signed ({seal})"
            )
        return await self._manner.rebuild(client, self._user, large)

    @property
    def _user(self) -> str:
        return f"/v1.0/users/{quote(self.mailbox, safe='@')}"


def _seal_of(start: Opening) -> str:
    """Why a message must not be built anew, or ""."""
    return Draft(start.head, start.body).seal


def _with_note(outcome: Outcome, n_taken_out: int) -> Outcome:
    if not n_taken_out:
        return outcome
    note = f"(To, Cc and Bcc without {n_taken_out} who were no recipients of this attempt)"
    return dataclasses.replace(outcome, reply_text=f"{outcome.reply_text} {note}".strip())
