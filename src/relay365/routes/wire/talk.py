"""A talk: what is known of each recipient of one transaction so far, and what a broken one makes of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from relay365.errors import SpoolCorrupt, SpoolError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import EnhancedStatus, Reply

Judge = Callable[[Reply, str], Outcome]
"""A reply and its stage in, what it makes of its recipient out (routes.classify)."""

TOO_MANY = "too-many-recipients"


class RefusedEarly(Exception):
    """The remote refused the content while it was on its way: nothing of it was accepted."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(str(reply))


class Talk:
    """The outcomes of one transaction, by the place of the recipient. has_go_ahead: the content may follow."""

    __slots__ = ("_judge", "has_go_ahead", "outcomes")

    def __init__(self, n_paths: int, judge: Judge) -> None:
        self._judge = judge
        self.outcomes: list[Outcome | None] = [None] * n_paths
        self.has_go_ahead = False

    @property
    def is_settled(self) -> bool:
        """Whether nobody is left to deliver to."""
        return None not in self.outcomes

    def sender(self, reply: Reply) -> None:
        """The reply to MAIL."""
        if reply.code // 100 != 2:
            self.settle_rest(self._judge(reply, "mail"))

    def recipient(self, n: int, reply: Reply) -> None:
        """The reply to the nth RCPT."""
        if reply.code // 100 != 2 and self.outcomes[n] is None:
            self.outcomes[n] = self._judge(reply, "rcpt")

    def content(self, reply: Reply, *, dsn: bool = False) -> None:
        """The reply that concerns everybody who is left: to DATA that is no 354, or to the content.

        dsn: the remote offers DSN, so that whatever it takes, it reports of (RFC 3461 5.2.1).
        """
        outcome = self._judge(reply, "data")
        if dsn and outcome.kind is Kind.DELIVERED:
            outcome = replace(outcome, dsn_taken=True)
        self.settle_rest(outcome)

    def settle_rest(self, outcome: Outcome) -> None:
        """Who is not settled yet gets this."""
        self.outcomes = [outcome if known is None else known for known in self.outcomes]

    def result(self) -> tuple[Outcome, ...]:
        """All outcomes, when everybody is settled.

        Who was one too many for a transaction that others got through goes with the next one, at once, and that was
        no attempt (RFC 5321 4.5.3.1.10). Where nobody got through, the remote means something else by it.
        """
        known = tuple(outcome for outcome in self.outcomes if outcome is not None)
        if not any(outcome.kind is Kind.DELIVERED for outcome in known):
            return known
        return tuple(replace(one, offered=False) if one.row == TOO_MANY else one for one in known)


def our_no(status: str, text: str, row: str) -> Outcome:
    """This route can never carry it, which we know without asking the remote."""
    found = EnhancedStatus.parse(status)
    return Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE, found, text, row, offered=False)


def too_large(octets: int, limit: int) -> Outcome:
    """More than a route or the remote takes (RFC 1870 6.1)."""
    text = f"552 5.3.4 {octets} octets are more than the next server takes ({limit})"
    return our_no("5.3.4", text, "larger-than-remote-takes")


def broken(error: BaseException, *, past_the_dot: bool) -> Outcome:
    """What a fault in mid-transaction makes of everybody who is not settled."""
    if isinstance(error, SpoolError):
        row = "stored-damaged" if isinstance(error, SpoolCorrupt) else "stored-unreadable"
        text = f"the stored content cannot be read: {error}"
        return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row=row)
    is_stopped = isinstance(error, asyncio.CancelledError)
    reason = "the relay was stopped" if is_stopped else str(error)
    if past_the_dot:
        text = f"no answer after the final dot: {reason}"
        return Outcome(Kind.UNCERTAIN, Scope.MESSAGE, Class.TRANSIENT, None, text, row="no-answer-after-dot")
    if is_stopped:
        return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, reason, row="stopped")
    text = f"the line broke: {reason}"
    return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row="connection-broken")
