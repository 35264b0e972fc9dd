"""`relay365 errors`: what attempts were told, counted by what it means; what nobody knows stands first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    config_option,
    examples,
    instant,
    json_option,
    now,
    plain_option,
    printable,
    write_json,
)
from relay365.cli.words.past import DAY_S, MONTH_S, meaning_of, with_history
from relay365.cli.words.times import Since, clock_time, utc_option

if TYPE_CHECKING:
    from relay365.spool.history.search import History
    from relay365.spool.history.trouble import Trouble

SHOWN_DEVICES = 5


@dataclass
class Error:
    """One line: what was told in the same sense. row None: the catalogue does not know the text.

    recipients: (message, recipient) that were told it; healed: those of them that were delivered in the end.
    """

    row: str | None
    klass: str
    text: str = ""
    count: int = 0
    count_day: int = 0
    first_at: float = float("inf")
    last_at: float = 0.0
    devices: dict[str, int] = field(default_factory=dict)
    recipients: set[tuple[int, int]] = field(default_factory=set)
    healed: set[tuple[int, int]] = field(default_factory=set)
    is_open: bool = False

    def add(self, one: Trouble, at: float) -> None:
        """Count one answer. at: the present."""
        from relay365.spool.api import END_STATES, State

        self.count += 1
        self.count_day += one.at >= at - DAY_S
        self.first_at = min(self.first_at, one.at)
        if one.at >= self.last_at:
            self.text, self.last_at = one.text, one.at
        self.devices[one.device] = self.devices.get(one.device, 0) + 1
        self.recipients.add((one.seq, one.n))
        if one.state is State.DELIVERED and not one.is_later:
            self.healed.add((one.seq, one.n))
        self.is_open |= one.state not in END_STATES


@click.command(epilog=examples("relay365 errors --since 7d", "relay365 errors --device copier --json"))
@config_option
@json_option
@plain_option
@utc_option
@click.option("--since", type=Since(), metavar="WHEN", help="Since then: 7d, or an instant; default: 30d.")
@click.option("--device", default="", metavar="NAME", help="Only what mail of this device was told.")
@click.option("--error", default="", metavar="ROW", help="Only this row, or this class.")
def errors(config_file: Path | None, as_json: bool, plain: bool, utc: bool, **by: Any) -> None:
    """What attempts were told that was no yes: how often, to whose mail, whether it healed by itself, and the cure.

    The day's count is of the last 24 hours, the other of the whole time asked for, 30 days unless --since says more or
    less. Exit 1: there is an answer that nobody knows, or mail still waits for a cure. Works while the service is down.
    """
    since_at = now() - MONTH_S if by["since"] is None else by["since"]
    found = with_history(config_file, lambda past: _count(past, since_at, **by))
    if as_json:
        for one in found:
            write_json(as_object(one))
    else:
        _print(found, since_at, utc=utc)
    raise SystemExit(PROBLEM if any(_needs_somebody(one) for one in found) else GOOD)


async def _count(past: History, since_at: float, *, device: str, error: str, since: object) -> list[Error]:
    told = [one for one in await past.troubles(since_at) if _is_of(one, device)]
    found = counted(told, now())
    return [one for one in found if not error or error in (one.row, one.klass)]


def _is_of(one: Trouble, device: str) -> bool:
    from fnmatch import fnmatchcase

    return not device or fnmatchcase(one.device.casefold(), device.casefold().replace("[", "[[]"))


def counted(told: Iterable[Trouble], at: float) -> list[Error]:
    """One line for each row of the catalogue and for each text that no row knows: these first, then the most frequent.

    at: the present, epoch seconds.
    """
    from relay365.engine.reports.unknown import mask

    found: dict[tuple[str | None, str, str], Error] = {}
    known: dict[tuple[str, bool], tuple[str, str | None]] = {}
    for one in told:
        text = mask(one.text)
        meaning = meaning_of(one) if one.klass else known.get((text, one.is_later))
        if meaning is None:
            meaning = known[text, one.is_later] = meaning_of(one)
        klass, row = meaning
        line = found.setdefault((row, klass, "" if row else text), Error(row, klass))
        line.add(one, at)
    return sorted(found.values(), key=lambda one: (one.row is not None, -one.count, one.last_at))


def as_object(one: Error) -> dict[str, Any]:
    """The documented JSON of a line."""
    title, do = _words(one.row)
    return {
        "row": one.row, "class": one.klass, "title": title, "text": one.text,
        "count": one.count, "count_24h": one.count_day, "first_at": instant(one.first_at),
        "last_at": instant(one.last_at), "devices": dict(sorted(one.devices.items(), key=lambda item: -item[1])),
        "recipients": len(one.recipients), "healed": len(one.healed), "open": one.is_open, "do": do,
    }  # fmt: skip


def _needs_somebody(one: Error) -> bool:
    return one.row is None or (one.is_open and one.klass in ("configuration", "sender"))


@cache
def _words(row: str | None) -> tuple[str, str]:
    """Title and first cure."""
    from relay365.routes.catalogue.rows import catalogue

    found = next((one for one in catalogue() if one.id == row), None)
    if found is None:
        return "Never seen: no row of the catalogue knows this text.", "report it: relay365 explain --unknown"
    return found.title, found.do[0] if found.do else f"relay365 explain {row}"


def _print(found: list[Error], since_at: float, *, utc: bool) -> None:
    for one in found:
        for line in _lines(one, utc=utc):
            click.echo(line)
    said = f"since {clock_time(since_at, utc=utc)}"
    if not found:
        click.echo(f"none: every attempt went well {said}")
        return
    n_told, n_day = sum(one.count for one in found), sum(one.count_day for one in found)
    click.echo(f"{n_told:,} answers {said}, {n_day:,} of them in the last 24 h.")
    click.echo("More of one: relay365 explain ROW; the mail that met it: relay365 history --error ROW")


def _lines(one: Error, *, utc: bool) -> Iterator[str]:
    title, do = _words(one.row)
    yield f"{one.row or 'NEVER SEEN'}  [{one.klass}]  {title}"
    yield (
        f"  count    {one.count:,}, {one.count_day:,} in 24 h; last {clock_time(one.last_at, utc=utc)}; "
        f"{_healed(one)}"
    )
    most = sorted(one.devices.items(), key=lambda item: -item[1])
    names = ", ".join(f"{printable(name)} {n:,}" for name, n in most[:SHOWN_DEVICES])
    more = f", and {len(most) - SHOWN_DEVICES} more" if len(most) > SHOWN_DEVICES else ""
    yield f"  devices  {names}{more}"
    yield f"  text     {printable(one.text)[:200]}"
    yield f"  do       {do}"


def _healed(one: Error) -> str:
    """Whether it heals by itself, in words."""
    n_all, n_well = len(one.recipients), len(one.healed)
    if n_all == n_well:
        return f"healed by itself for {n_all:,} of {n_all:,}"
    waits = ", some still wait" if one.is_open else ""
    return f"went through later for {n_well:,} of {n_all:,}{waits}"
