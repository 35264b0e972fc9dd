"""Wording: what a report says about one recipient, from its last answer, the catalogue, and the health of its lane.

Apart from the keeper, which decides that a report goes, and from mail.dsn, which gives it its form.
"""

from __future__ import annotations

import re

from relay365.mail.dsn import Debt, Reported
from relay365.mail.headers import date_time
from relay365.mail.outcome import Class
from relay365.mail.status import EnhancedStatus
from relay365.routes.catalogue.pasted import explain
from relay365.routes.catalogue.rows import Row, catalogue
from relay365.spool.api import LaneNote, RecipientView, State

_STATUS = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
HANDED_ON = (
    "The next mail server took it, and will not report what becomes of it. "
    "Whether it reached the mailbox is not known here."
)


def reported(recipient: RecipientView, debt: Debt, note: LaneNote | None, now: float) -> Reported:
    """One recipient for a report of a kind; note: the health of its lane, where that is known."""
    match debt:
        case Debt.DELAY:
            return _delayed(recipient, note, now)
        case Debt.KEPT:
            row = _row(recipient.row)
            return _plain(recipient, recipient.last_reply, row.title if row is not None else "", row)
        case Debt.SUCCESS:
            return _plain(recipient, recipient.last_reply, HANDED_ON, None)
    if recipient.fate:
        return _failed_later(recipient)
    row = _row(recipient.row)
    if recipient.state is State.EXPIRED:
        words = recipient.last_reply
        said = f"expired; last answer: {words}" if words else "expired before it could be tried"
        advice = _advice(row)
        happened = "It was tried until its time was over."
        return Reported(recipient.address, recipient.orcpt, "4.4.7", said, happened, advice)
    return _plain(recipient, recipient.last_reply, row.title if row is not None else "", row)


def _plain(recipient: RecipientView, words: str, happened: str, row: Row | None) -> Reported:
    code, _, rest = words.partition(" ")
    status = EnhancedStatus.parse(rest if code.isdigit() else words)
    return Reported(
        recipient.address, recipient.orcpt, str(status or ""), words, happened, _advice(row)
    )  # fmt: skip


def _delayed(recipient: RecipientView, note: LaneNote | None, now: float) -> Reported:
    """Why it still waits: a person, a quota, or the answer to its last try."""
    if note is not None and note.held:
        row = _row(note.row)
        reason = row.title if row is not None else note.held
        happened = f"All mail on this way waits until the administrator of the relay has acted: {reason}"
        return _plain(recipient, note.held, happened, row)
    if note is not None and note.klass == Class.RATE_LIMIT.value and note.gate_until_at > now:
        opens = date_time(note.gate_until_at)
        happened = f"It waits for a sending quota of Microsoft 365, which is looked at again on {opens}."
        return _plain(recipient, recipient.last_reply, happened, None)
    row = _row(recipient.row)
    if row is not None:
        happened = row.title
    elif recipient.attempts:
        n_tries = "one try" if recipient.attempts == 1 else f"{recipient.attempts} tries"
        happened = f"It could not be delivered with {n_tries}."
    else:
        happened = "It could not be tried yet: mail before it takes all that may be sent."
    return _plain(recipient, recipient.last_reply, happened, row)


def _failed_later(recipient: RecipientView) -> Reported:
    """Of a recipient that Microsoft took, and that failed there."""
    words = recipient.fate_detail
    row, status = explain(words, "ndr").row, _STATUS.search(words)
    cause = row.title if row is not None else "the reason is not known." if not words else ""
    happened = f"Microsoft 365 took the message, and it failed there{': ' + cause if cause else '.'}"
    return Reported(
        recipient.address, recipient.orcpt, status[0] if status else "", words, happened, _advice(row)
    )


def _row(mark: str) -> Row | None:
    return next((row for row in catalogue() if mark and row.id == mark), None)


def _advice(row: Row | None) -> tuple[str, ...]:
    """What the catalogue says, in two kinds of lines: why it comes, and what to do."""
    if row is None:
        return ()
    return (*(f"Why: {cause}" for cause in row.why), *(f"To do: {cure}" for cure in row.do))
