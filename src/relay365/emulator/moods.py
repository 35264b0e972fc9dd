"""Moods: what can be wrong on Microsoft's side on demand, each bounded by count, by time, or until it is taken back.

KINDS is the one table of them (its rows stand in faults): scenario files, control API and manual are checked against it
or made from it. Moods are separate from judgement because they are not Microsoft's rules; they are bad days.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from relay365.clock import Clock
from relay365.emulator.faults.graph import GRAPH_KINDS
from relay365.emulator.faults.kinds import Kind, Parameter
from relay365.emulator.faults.sign_in import SIGN_IN_KINDS
from relay365.emulator.faults.smtp import SMTP_KINDS

KINDS: dict[str, Kind] = {kind.name: kind for kind in (*SMTP_KINDS, *SIGN_IN_KINDS, *GRAPH_KINDS)}
"""Every kind of mood, by its name."""

BOUNDS = (
    Parameter("count", 0, "how often it strikes before it ends; 0: no limit"),
    Parameter("for_s", 0.0, "how long it lasts, in seconds from now; 0: no limit"),
    Parameter("after", 0, "it begins when so many messages have been accepted from now on"),
)


@dataclass(slots=True)
class Mood:
    """One mood that was set. left and until_mono bound it (None: no bound); wait is what `after` still asks for."""

    number: int
    kind: Kind
    mailbox: str
    service: str
    values: dict[str, float | str] = field(repr=False)
    left: int | None
    until_mono: float | None
    wait: int
    n_struck: int = 0

    def holds_for(self, mailbox: str, service: str) -> bool:
        """Whether it is about this mailbox and this service."""
        return self.mailbox in ("", mailbox.lower()) and self.service in ("", service)

    def seconds(self, name: str) -> float:
        """A parameter as a number."""
        return float(self.values[name])

    def word(self, name: str) -> str:
        """A parameter as a word."""
        return str(self.values[name])

    def view(self, now: float) -> dict[str, Any]:
        """The mood for the control API."""
        rest_s = None if self.until_mono is None else round(max(0.0, self.until_mono - now), 3)
        return {
            "id": self.number, "name": self.kind.name, "mailbox": self.mailbox or None,
            "service": self.service or None, **self.values,
            "left": self.left, "rest_s": rest_s, "after": self.wait, "struck": self.n_struck,
        }  # fmt: skip


class Moods:
    """The moods that are set, oldest first. changed is called whenever one comes, begins or goes; is_mailbox knows
    addresses.
    """

    def __init__(self, clock: Clock) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.is_mailbox: Callable[[str], bool] = lambda _: True
        self._clock = clock
        self._moods: list[Mood] = []
        self._numbers = itertools.count(1)

    def add(self, request: dict[str, Any]) -> Mood:
        """Set a mood from {"name": ..., "mailbox": ..., bounds and parameters}; raises ValueError with the reason."""
        mood = self._read(dict(request))
        self._moods.append(mood)
        self.changed()
        return mood

    def remove(self, number: int) -> bool:
        """Take one back; False where there is none of that number."""
        return self._drop(lambda mood: mood.number == number)

    def clear(self) -> None:
        """Take all back."""
        self._drop(lambda _: True)

    def active(self) -> list[Mood]:
        """Those that are set and not over."""
        now = self._clock.mono()
        self._moods = [mood for mood in self._moods if mood.until_mono is None or now < mood.until_mono]
        return list(self._moods)

    def view(self, mood: Mood) -> dict[str, Any]:
        """A mood for the control API."""
        return mood.view(self._clock.mono())

    def find(self, name: str, mailbox: str = "", service: str = "", **values: str) -> Mood | None:
        """The first mood of this kind that rules now, without counting. Empty mailbox: not known yet."""
        for mood in self.active():
            fits = mood.kind.name == name and not mood.wait and mood.holds_for(mailbox, service)
            if fits and all(mood.values[key] == value for key, value in values.items()):
                return mood
        return None

    def strike(self, name: str, mailbox: str = "", service: str = "", **values: str) -> Mood | None:
        """As find(), and counted: the last of its count ends the mood."""
        mood = self.find(name, mailbox, service, **values)
        if mood is not None:
            mood.n_struck += 1
            if mood.left is not None:
                mood.left -= 1
                if mood.left == 0:
                    self._drop(lambda one: one is mood)
        return mood

    def accepted(self, mailbox: str, service: str = "submission") -> None:
        """A message was accepted; moods that wait for it count."""
        for mood in self.active():
            if mood.wait and mood.holds_for(mailbox, service):
                mood.wait -= 1
                if not mood.wait:
                    self.changed()

    def next_end_s(self) -> float | None:
        """Seconds until the next mood ends by time, or None."""
        ends = [mood.until_mono for mood in self.active() if mood.until_mono is not None]
        return max(0.0, min(ends) - self._clock.mono()) if ends else None

    def _drop(self, is_meant: Callable[[Mood], bool]) -> bool:
        kept = [mood for mood in self._moods if not is_meant(mood)]
        if len(kept) == len(self._moods):
            return False
        self._moods = kept
        self.changed()
        return True

    def _read(self, request: dict[str, Any]) -> Mood:
        kind = KINDS.get(str(request.pop("name", "")))
        if kind is None:
            raise ValueError(f"name: expected one of {', '.join(KINDS)}")
        mailbox = request.pop("mailbox", None) or ""
        if not isinstance(mailbox, str) or (mailbox and not kind.per_mailbox):
            raise ValueError(f"mailbox: {kind.name} holds for everybody")
        if mailbox and not self.is_mailbox(mailbox):
            raise ValueError(f"mailbox: expected the address of a mailbox, found {mailbox!r}")
        service = request.pop("service", None) or ""
        if service and service not in kind.services:
            raise ValueError(f"service: expected {' or '.join(kind.services) or 'none'}, found {service!r}")
        count, for_s, after = (float(one.check(request.pop(one.name, one.default))) for one in BOUNDS)
        values = {one.name: one.check(request.pop(one.name, one.default)) for one in kind.parameters}
        if request:
            raise ValueError(f"{next(iter(request))}: {kind.name} does not know it")
        if count and values.get("how") in ("refuse", "blackhole"):
            raise ValueError(
                "count: a refused connection cannot be counted; use for_s, or take the mood back"
            )
        until = self._clock.mono() + for_s if for_s else None
        return Mood(
            next(self._numbers), kind, mailbox.lower(), service, values, int(count) or None, until, int(after)
        )


def table() -> str:
    """The manual's table of moods, in Markdown."""
    rows = ["| mood | what it does | counts | parameters (default) |", "|---|---|---|---|"]
    for kind in KINDS.values():
        words = "; ".join(
            f"`{one.name}` ({_shown(one.default)}): {one.does}{_choices(one)}" for one in kind.parameters
        )
        where = "" if kind.per_mailbox else "; for everybody"
        rows.append(f"| `{kind.name}` | {kind.does} | {kind.per}{where} | {words} |")
    return "\n".join(rows)


def _shown(default: float | str) -> str:
    return f"`{default!r}`" if isinstance(default, str) and not default.isprintable() else f"`{default}`"


def _choices(parameter: Parameter) -> str:
    if not parameter.allowed or "`" in parameter.does:
        return ""
    return " (" + ", ".join(f"`{word}`" for word in parameter.allowed) + ")"
