"""What attempts were told that was no yes, as it stands in the histories of messages.

Apart from the search, which gives messages: here one line is one answer, whatever its recipient has become since.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import apsw

from relay365.spool.api import State
from relay365.spool.ids import spool_id_of
from relay365.spool.sqlite.reads import QUERIES
from relay365.spool.sqlite.rows import facts_of, text_of

BY_PERSON = "held by a person"
"""How the history says that somebody held a message; nobody else was asked then."""

RESENT = "message.resent"
"""The event of a message that a person sent once more; it names the new one."""

_LATER = "failed: "


class Trouble(NamedTuple):
    """One answer. at: epoch seconds; text: the remote's words, or ours; row and klass: as it was understood then, ""
    where another answer came since; lane and state: of its recipient now; is_later: learnt after the delivery.
    """

    at: float
    seq: int
    spool_id: str
    n: int
    text: str
    row: str
    klass: str
    lane: str
    state: State
    device: str
    is_later: bool


def troubles(connection: apsw.Connection, since_at: float, until_at: float) -> list[Trouble]:
    """The answers between two instants, oldest first; what a person did is none."""
    rows = connection.execute(QUERIES["troubles"], (since_at, until_at))
    found = (_trouble(row) for row in rows)
    return [one for one in found if not one.text.startswith(BY_PERSON)]


def _trouble(row: tuple[Any, ...]) -> Trouble:
    at, seq, n, name, detail, lane, state, rule, klass, last, submitter = row
    text, words, is_later = text_of(detail), text_of(last), name == "recipient.fate"
    facts = facts_of(text_of(submitter))
    device = facts.device or facts.login or facts.peer_address
    is_last = (
        not is_later and bool(words) and text.startswith(words)
    )  # what is kept as the last answer may be cut
    said = text.removeprefix(_LATER) if is_later else text
    known = (str(rule), str(klass)) if is_last else ("", "")
    return Trouble(
        at, seq, spool_id_of(seq), n, said, known[0], known[1], lane, State(state), device, is_later
    )  # fmt: skip
