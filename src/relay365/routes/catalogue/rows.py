"""The rows of the catalogue (replies.toml): what a reply, an error or a mark of our own means, and what heals it.

Apart from routes.classify, which judges, and from pasted, which reads what a person shows us: both read these rows.
(RFC 3463; Microsoft: "Non-delivery reports in Exchange Online", "Authenticate an IMAP, POP or SMTP connection using
OAuth", "Microsoft Entra authentication and authorization error codes", read 2026-11)
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from relay365.mail.outcome import Class, Scope


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a reply comes on one kind of route, `submission`, `connector` and so on."""

    route: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue. codes, statuses: any of them, empty for all; fragments: all must stand in the text.

    where: smtp, token, graph, device for what other programs show, or relay for what we say ourselves.
    why: causes on every route, the likeliest first; causes: those of one kind of route.
    do: steps for a person; tests: relay365 commands that show more; links: where Microsoft or an RFC says it.
    retry_after_s: how long the budget stays shut when the remote names no time.
    until_s: so long the fault may heal by itself; only then a person is called.
    """

    id: str
    where: str
    klass: Class
    scope: Scope
    title: str
    why: tuple[str, ...]
    do: tuple[str, ...]
    source: str
    codes: tuple[int, ...] = ()
    statuses: tuple[str, ...] = ()
    fragments: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    tests: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    retry_after_s: float | None = None
    until_s: float = 0.0

    def matches(self, code: int, status: str, text: str) -> bool:
        """Whether the row speaks of this reply; text is in lower case, one space between words."""
        return (
            (not self.codes or code in self.codes)
            and (not self.statuses or status in self.statuses)
            and all(fragment in text for fragment in self.fragments)
        )

    @property
    def weight(self) -> tuple[int, int, int]:
        """How specific the row is: long fragments before statuses before codes."""
        return (sum(len(f) for f in self.fragments), len(self.statuses) and 1, len(self.codes) and 1)

    def causes_on(self, kinds: Collection[str]) -> tuple[str, ...]:
        """Why it comes: on the kinds of route that are used first, then everywhere; without kinds each is named."""
        if not kinds:
            return (*self.why, *(f"on a {cause.route} route: {cause.text}" for cause in self.causes))
        return (*(cause.text for cause in self.causes if cause.route in kinds), *self.why)


@cache
def catalogue() -> tuple[Row, ...]:
    """All rows, most specific first."""
    tables = tomllib.loads(files("relay365.routes").joinpath("replies.toml").read_text("utf-8"))["row"]
    return tuple(sorted((_row(table) for table in tables), key=lambda row: row.weight, reverse=True))


@cache
def rows_of(where: str) -> tuple[Row, ...]:
    """The rows of one place, most specific first."""
    return tuple(row for row in catalogue() if row.where == where)


def _row(table: dict[str, object]) -> Row:
    values: dict[str, object] = {}
    for key, value in table.items():
        name = "klass" if key == "class" else key
        values[name] = tuple(value) if isinstance(value, list) else value
    values["klass"] = Class(values["klass"])
    values["scope"] = Scope(values["scope"])
    values["statuses"] = tuple(_spelled_out(values.get("statuses", ())))  # type: ignore[arg-type]
    values["fragments"] = tuple(str(f).lower() for f in values.get("fragments", ()))  # type: ignore[attr-defined]
    values["causes"] = tuple(Cause(**cause) for cause in values.get("causes", ()))  # type: ignore[attr-defined]
    return Row(**values)  # type: ignore[arg-type]  # the catalogue's own test reads every row


def _spelled_out(statuses: Iterable[str]) -> Iterator[str]:
    """`4.7.500-502` as three statuses."""
    for status in statuses:
        stem, _, detail = status.rpartition(".")
        first, dash, last = detail.partition("-")
        if dash:
            yield from (f"{stem}.{n}" for n in range(int(first), int(last) + 1))
        else:
            yield status


def token_row(error: str, number: int, text: str = "") -> Row | None:
    """By AADSTS number for the advice; where that is unknown, by our own words, then by OAuth error name."""
    rows, words = rows_of("token"), text.lower()
    by_number = next((row for row in rows if number in row.codes), None)
    by_words = next((row for row in rows if row.fragments and all(f in words for f in row.fragments)), None)
    by_name = next((row for row in rows if not (row.codes or row.fragments) and error in row.statuses), None)
    return by_number or by_words or by_name
