"""How rows of the trace and reports are joined to recipients of ours, and what follows from a failure. Pure.

The key is the Message-ID, ours or the one that the 250 named, and the recipient's address. Of several rows the best
end counts: a message that went twice and was delivered once is delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from relay365.mail.ndr import Ndr, Reported
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import EnhancedStatus
from relay365.routes.catalogue.pasted import explain
from relay365.routes.tracing.traces import TraceRow
from relay365.spool.api import MessageView, RecipientView, State
from relay365.spool.later import Later, LaterFate, Sent

WORDS = {
    "delivered": Later.DELIVERED,
    "expanded": Later.EXPANDED,
    "filteredAsSpam": Later.SPAM,
    "quarantined": Later.QUARANTINED,
    "failed": Later.FAILED,
    "recalled": Later.RECALLED,
    "pending": Later.PENDING,
    "gettingStatus": Later.PENDING,
}
"""Microsoft's word for ours, the best end first; a word that is not here says nothing yet."""

ACTIONS = {
    "failed": Later.FAILED,
    "delayed": Later.PENDING,
    "delivered": Later.DELIVERED,
    "expanded": Later.EXPANDED,
}
"""RFC 3464 2.3.3; `relayed` only says that nobody will report."""


def joined(sent: Iterable[Sent], rows: Iterable[TraceRow]) -> list[tuple[Sent, TraceRow]]:
    """Each recipient with its row, where the trace knows it."""
    best: dict[tuple[str, str], TraceRow] = {}
    ranks = {word: rank for rank, word in enumerate(WORDS)}
    for row in rows:
        if row.status not in ranks:
            continue
        key = (row.message_id, row.recipient.casefold())
        if key not in best or ranks[row.status] < ranks[best[key].status]:
            best[key] = row
    pairs = []
    for one in sent:
        names = [(name, one.address.casefold()) for name in (one.message_id, one.remote_id) if name]
        found = next((best[name] for name in names if name in best), None)
        if found is not None:
            pairs.append((one, found))
    return pairs


def fate_of(one: Sent, row: TraceRow, reason: str, at: float) -> LaterFate:
    """What a row says of a recipient. reason: why it failed, "" where nobody knows; at: when it was learnt."""
    fate = WORDS[row.status]
    return LaterFate(one.spool_id, one.n, fate, at, reason, _owes(fate, one.reverse_path, one.notify))


def is_about(ndr: Ndr, view: MessageView) -> bool:
    """Whether a report names a message, by our name or the remote's."""
    return bool(ndr.message_id) and ndr.message_id in {
        view.message_id,
        *(r.remote_id for r in view.recipients),
    }


def fates_of(ndr: Ndr, views: Sequence[MessageView], at: float) -> list[tuple[LaterFate, str]]:
    """What a report says of our recipients, each with its lane. views: the messages of its name; at: when it came."""
    found = []
    for view in views:
        for recipient, reported in _named(view, ndr):
            fate = ACTIONS[reported.action]
            owes = _owes(fate, view.reverse_path, recipient.notify)
            words = reported.words or reported.status
            learnt = LaterFate(view.spool_id, recipient.n, fate, at, words, owes)
            found.append((learnt, recipient.lane))
    return found


def _named(view: MessageView, ndr: Ndr) -> Iterator[tuple[RecipientView, Reported]]:
    """Recipients with what is reported of them; where there is one of each they are the same, whatever the address."""
    delivered = [r for r in view.recipients if r.state is State.DELIVERED]
    told = [one for one in ndr.recipients if one.action in ACTIONS]
    for reported in told:
        for recipient in delivered:
            is_named = recipient.address.lower() in reported.addresses
            if is_named or len(view.recipients) == len(ndr.recipients) == 1:
                yield recipient, reported


def _owes(fate: Later, reverse_path: str, notify: str) -> bool:
    """Whether people must be told; whom Exchange has told already is the keeper's question."""
    return fate is Later.FAILED and bool(reverse_path) and "NEVER" not in notify.upper()


def limit_of(words: str) -> Outcome | None:
    """The outcome that shuts a lane, where a failure means that a limit is used up; None for every other one."""
    meaning = explain(words, "ndr")
    if meaning.row is None or meaning.klass is not Class.RATE_LIMIT:
        return None
    wait_s = meaning.row.retry_after_s
    code, _, rest = words.partition(" ")
    status = EnhancedStatus.parse(rest if code.isdigit() else words)
    return Outcome(
        Kind.DEFERRED, _wide(meaning.scope), Class.RATE_LIMIT, status, words, meaning.row.id, wait_s
    )


def _wide(scope: Scope) -> Scope:
    """A limit that a report tells of is never only the recipient's or the message's."""
    return scope if scope in (Scope.MAILBOX, Scope.ROUTE, Scope.TENANT) else Scope.MAILBOX
