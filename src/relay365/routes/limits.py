"""Microsoft's limits as data (limits.toml): who has them, how much, in which time, said where and since when.

Apart from the routes, because Microsoft changes numbers without changing the roads. What a tenant has instead stands
in its [[tenant]]; app.ways.allowance brings both together. docs/quota.md shows the file as a table.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

SCOPES = ("mailbox", "tenant", "application", "pair", "receiver", "resource", "message")
UNITS = ("messages", "recipients", "external", "requests", "octets", "at once")


@dataclass(frozen=True, slots=True)
class Formula:
    """How an amount follows from a tenant's licences: base + factor * licences ** power, rounded."""

    base: float
    factor: float
    power: float

    def of(self, licences: int) -> int:
        """The amount for so many licences, at least 1."""
        return round(self.base + self.factor * math.pow(licences, self.power))


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit; the head of limits.toml says what each attribute means.

    amount: None where the formula has it. window_s: seconds, 0 for `at any instant` or `in one message`.
    """

    name: str
    title: str
    scope: str
    unit: str
    window_s: int
    version: date
    source: str
    rows: tuple[str, ...]
    amount: int | None = None
    formula: Formula | None = None
    trial: int | None = None
    doubt: str = ""


@cache
def limits() -> dict[str, Limit]:
    """All limits by name, in the order of the file."""
    tables = tomllib.loads(files("relay365.routes").joinpath("limits.toml").read_text("utf-8"))["limit"]
    return {table["name"]: _limit(table) for table in tables}


def amount_of(name: str) -> int:
    """The amount of a limit that needs nothing else to be known; raises KeyError for another name."""
    amount = limits()[name].amount
    if amount is None:
        raise KeyError(f"{name} depends on the tenant")
    return amount


def window_of(name: str) -> tuple[int, float]:
    """(amount, seconds) of a limit over time; raises KeyError as amount_of."""
    return amount_of(name), float(limits()[name].window_s)


def external_of(licences: int | None, *, is_trial: bool) -> int | None:
    """Recipients outside that a tenant may reach in 24 hours; None where its licences are not known.

    (Message Center MC1023294: 500 * licences ** 0.7 + 9,500; a trial tenant 5,000 whatever it has)
    """
    limit = limits()["tenant-external"]
    if is_trial:
        return limit.trial
    return limit.formula.of(licences) if limit.formula is not None and licences is not None else None


def _limit(table: dict[str, object]) -> Limit:
    values = dict(table)
    values["rows"] = tuple(values["rows"])  # type: ignore[arg-type]  # the file's own test reads every limit
    if "formula" in values:
        values["formula"] = Formula(**values["formula"])  # type: ignore[arg-type]
    return Limit(**values)  # type: ignore[arg-type]
