"""A reply or a refusal as a finding: the catalogue's row for reason and cure, our own words where none knows it.

One place, so that `doctor`, `explain` and the log never say different things of one text. (routes/replies.toml)
"""

from __future__ import annotations

from relay365.doctor.finding import Finding, bad, unknown
from relay365.errors import TokenRefused
from relay365.mail.outcome import Class, Outcome
from relay365.mail.status import Reply
from relay365.routes.catalogue.rows import Row, catalogue
from relay365.routes.classify import outcome_of, outcome_of_token


def of_reply(what: str, reply: Reply, stage: str, kind: str) -> Finding:
    """A refusal at a stage (connect, auth, mail, rcpt, data) of a kind of route."""
    return of_outcome(what, outcome_of(reply, stage), kind, str(reply))


def of_token(what: str, refused: TokenRefused, kind: str) -> Finding:
    """No token."""
    return of_outcome(what, outcome_of_token(refused), kind, refused.text)


def of_outcome(what: str, outcome: Outcome, kind: str, said: str) -> Finding:
    """What passes by itself is unknown, because it says nothing of our set-up; all else is bad."""
    row = row_of(outcome.row)
    causes = row.causes_on({kind}) if row is not None else ()
    why = f"{row.title.rstrip('.')}: {causes[0]}" if row is not None and causes else row.title if row else ""
    do = row.do[0] if row is not None and row.do else f"relay365 explain '{said[:120]}'"
    if row is not None and len(row.do) > 1:
        do = f"{do}; more: relay365 explain {row.id}"
    passes = outcome.klass in (Class.TRANSIENT, Class.RATE_LIMIT)
    make = unknown if passes else bad
    return make(what, why or "no row of the catalogue knows this text", do, said)


def row_of(name: str) -> Row | None:
    """The row of this id."""
    return next((row for row in catalogue() if row.id == name), None) if name else None
