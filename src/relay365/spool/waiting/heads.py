"""Flows and their heads: mail of one client and one priority waits in one flow, and only its first few matter now.

Who goes next is decided among heads, so that neither a million waiting messages nor one loud client hides the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, Protocol

from relay365.mail.envelope import SpoolId, SubmitterFacts

PRIORITIES = ("alarm", "normal", "bulk")
"""Most urgent first; the words of [[allow]], [[device]] and [[rule]]."""


class Flow(NamedTuple):
    """priority: one of PRIORITIES. client: whose mail it is: the device's name, else the login, else the address."""

    priority: str
    client: str


NOBODYS = Flow("normal", "")
"""Normal mail of nobody in particular."""


class Behind(NamedTuple):
    """A place in a flow: what lies behind it is wanted."""

    due_at: float
    spool_id: SpoolId


class Likeness(NamedTuple):
    """What must be alike in messages that go together, beside what a head says.

    crc: of the content. manner: body, SMTPUTF8, RET and ENVID in one word (manner_of).
    """

    crc: int = 0
    message_id: str = ""
    header_from: str = ""
    manner: str = ""


class Head(NamedTuple):
    """One message among the first of its flow, in one lane.

    due_at, accepted_at, expires_at: epoch seconds; expires_at of the recipient that expires first.
    recipients: number and address of those that are meant, in the order of their numbers.
    """

    spool_id: SpoolId
    flow: Flow
    due_at: float
    accepted_at: float
    expires_at: float
    size_octets: int
    reverse_path: str
    submitter: SubmitterFacts
    recipients: tuple[tuple[int, str], ...]
    like: Likeness = Likeness()


NOTHING_BEHIND: Mapping[Flow, Behind] = MappingProxyType({})


class Ahead(Protocol):
    """See the module."""

    async def heads(
        self,
        lane: str,
        *,
        now: float,
        most: int,
        behind: Mapping[Flow, Behind] = ...,
        flows: Collection[Flow] | None = ...,
    ) -> Sequence[Head]:
        """The first messages of every flow of a lane that are due, at most `most` of each, most urgent flows first.

        Within a flow: oldest due first. behind: flows of which only what lies behind a place is wanted. flows: the only
        ones that are wanted, None for all. One that is on its way already may still be listed: claiming it gives
        nothing.
        """
        ...

    async def put_off(self, lane: str, which: Sequence[tuple[SpoolId, float]], reason: str) -> None:
        """Queued recipients of messages are due at an instant, not before: they wait by our own decision, for a reason.

        It is no attempt. One that is due later already stays.
        """
        ...


def manner_of(body: str, ret: str, envid: str, *, smtputf8: bool) -> str:
    """Likeness.manner; no part of it has a blank in it (RFC 3461 4)."""
    return f"{body} {int(smtputf8)} {ret} {envid}"


@lru_cache(maxsize=1024)
def flow_of(facts: SubmitterFacts) -> Flow:
    """The flow in which a submitter's mail waits."""
    priority = facts.priority if facts.priority in PRIORITIES else "normal"
    return Flow(priority, facts.device or facts.login or facts.peer_address)


@lru_cache(maxsize=1024)
def stored_flow(facts: SubmitterFacts) -> str:
    """The flow as the store sorts it: the priority's digit, then the client."""
    return flow_word(flow_of(facts))


def flow_word(flow: Flow) -> str:
    """As stored_flow, of a flow."""
    return f"{PRIORITIES.index(flow.priority)}{flow.client}"


def read_flow(word: str) -> Flow:
    """Back from the store; a word that is none any more is normal mail of whoever it names."""
    digit, client = word[:1], word[1:]
    return Flow(PRIORITIES[int(digit)] if digit in ("0", "1", "2") else "normal", client)
