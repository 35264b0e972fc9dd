"""Moods: what can be wrong on Microsoft's side on demand, each bounded by count, by time, or until it is taken back.

KINDS is the one table of them: scenario files, control API and manual are checked against it or made from it. Moods
are separate from judgement because they are not Microsoft's rules; they are bad days.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from relay365.clock import Clock
from relay365.emulator.texts import TEXTS, as_written


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a mood. allowed lists the values that it takes, empty means any; a reply is a row or a whole
    reply.
    """

    name: str
    default: float | str
    does: str
    allowed: tuple[str | int, ...] = ()
    is_reply: bool = False

    def check(self, value: object) -> float | str:
        """The value, or ValueError with what was expected."""
        if isinstance(self.default, str):
            is_fit = isinstance(value, str)
        else:
            is_fit = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
        if not is_fit or (self.allowed and value not in self.allowed):
            wanted = " or ".join(str(one) for one in self.allowed)
            wanted = wanted or ("a word" if isinstance(self.default, str) else "a number")
            raise ValueError(f"{self.name}: expected {wanted}, found {value!r}")
        if self.is_reply and value not in TEXTS:
            self._check_reply(str(value))
        return value  # type: ignore[return-value] # is_fit has looked

    def _check_reply(self, words: str) -> None:
        try:
            as_written(words)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mood. per says what count counts, and per_mailbox whether one mailbox can have it alone."""

    name: str
    does: str
    per: str
    parameters: tuple[Parameter, ...] = ()
    per_mailbox: bool = True


_AUTH_TEXTS = tuple(name for name, row in TEXTS.items() if row.stage == "auth" and row.code >= 400)
_BOXES = tuple(name for name in TEXTS if name.startswith("box-"))
_STEPS = ("all", "greeting", "ehlo", "auth", "mail", "rcpt", "data", "dot")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("throttle", "refuses at the final dot, as above the rate of a minute (`thread-limit`)", "message"),
        Kind("concurrent", "refuses at the final dot, as the fourth sender at once (`concurrent`, 432)", "message"),
        Kind(
            "auth", "refuses AUTH, OAuth and password alike", "login",
            (Parameter("text", "auth-failed", "row of the table of replies", _AUTH_TEXTS),),
        ),
        Kind("storedrv", "refuses at the final dot: no rights on the mailbox yet (`no-rights`, 430)", "message"),
        Kind("send-as", "refuses at the final dot: this sender is not allowed (`send-as-denied`)", "message"),
        Kind("quota", "refuses at the final dot: recipients of 24 hours are used up (`quota`)", "message"),
        Kind("full", "refuses at the final dot: the mailbox is full (`mailbox-full`)", "message"),
        Kind(
            "penalty", "refuses at the final dot: continuous error throttling", "message",
            (Parameter("text", "box-send-as", "row of the table of replies", _BOXES),),
        ),
        Kind(
            "reply", "gives any reply at any step", "reply",
            (
                Parameter("at", "dot", "the step", ("auth", "mail", "rcpt", "dot")),
                Parameter(
                    "text", "451 4.7.0 Temporary server error. Please try again later. PRX2",
                    "row of the table of replies, or a whole reply such as `550 5.7.708 Access denied`",
                    is_reply=True,
                ),
            ),
        ),
        Kind(
            "outage", "is not there", "connection, or reply where `how` is `proxy`",
            (
                Parameter(
                    "how", "refuse",
                    "`refuse`: connections are refused, open sessions hear 421; `greeting`: 421 instead of 220; "
                    "`proxy`: 451 PRX2 to MAIL", ("refuse", "greeting", "proxy"),
                ),
            ), per_mailbox=False,
        ),
        Kind(
            "slow", "waits before it answers", "reply",
            (Parameter("seconds", 2.0, "how long"), Parameter("at", "all", "the step", _STEPS)),
        ),
        Kind(
            "lie", "takes the message at the final dot, records it, and does not say so", "message",
            (
                Parameter(
                    "how", "close",
                    "`close`: the connection ends; `cut`: it ends without the goodbye of TLS; "
                    "`garbage`: a line that is no reply; `silence`: nothing at all",
                    ("close", "cut", "garbage", "silence"),
                ),
            ),
        ),
        Kind(
            "drop", "breaks the connection inside the content", "message",
            (Parameter("after_octets", 0, "once so many octets of content have come"),),
        ),
        Kind("no-starttls", "does not offer STARTTLS, and refuses it", "connection", per_mailbox=False),
        Kind(
            "injection", "sends octets in clear right behind the 220 of STARTTLS", "connection",
            (Parameter("octets", "250 2.0.0 injected\r\n", "what it sends"),), per_mailbox=False,
        ),
        Kind(
            "wrong-certificate", "shows a certificate at STARTTLS that must not be trusted", "connection",
            (
                Parameter(
                    "how", "name", "`name`: for another host; `authority`: from an unknown authority; `expired`",
                    ("name", "authority", "expired"),
                ),
            ), per_mailbox=False,
        ),
        Kind(
            "token-outage", "the token endpoint is unwell", "request",
            (
                Parameter("status", 503, "HTTP status", (429, 500, 502, 503, 504)),
                Parameter("retry_after", 5, "seconds in Retry-After; 0: none"),
            ), per_mailbox=False,
        ),
        Kind(
            "token-slow", "the token endpoint waits before it answers", "request",
            (Parameter("seconds", 5.0, "how long"),), per_mailbox=False,
        ),
        Kind(
            "token-error", "the token endpoint refuses", "request",
            (Parameter("number", 7000222, "the AADSTS number; docs/emulator.md lists them"),), per_mailbox=False,
        ),
    )
}  # fmt: skip
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
    values: dict[str, float | str] = field(repr=False)
    left: int | None
    until_mono: float | None
    wait: int
    n_struck: int = 0

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
            "id": self.number, "name": self.kind.name, "mailbox": self.mailbox or None, **self.values,
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

    def find(self, name: str, mailbox: str = "", **values: str) -> Mood | None:
        """The first mood of this kind that rules now, without counting. Empty mailbox: not known yet."""
        for mood in self.active():
            fits = mood.kind.name == name and not mood.wait and mood.mailbox in ("", mailbox.lower())
            if fits and all(mood.values[key] == value for key, value in values.items()):
                return mood
        return None

    def strike(self, name: str, mailbox: str = "", **values: str) -> Mood | None:
        """As find(), and counted: the last of its count ends the mood."""
        mood = self.find(name, mailbox, **values)
        if mood is not None:
            mood.n_struck += 1
            if mood.left is not None:
                mood.left -= 1
                if mood.left == 0:
                    self._drop(lambda one: one is mood)
        return mood

    def accepted(self, mailbox: str) -> None:
        """A message was accepted; moods that wait for it count."""
        for mood in self.active():
            if mood.wait and mood.mailbox in ("", mailbox.lower()):
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
        count, for_s, after = (float(one.check(request.pop(one.name, one.default))) for one in BOUNDS)
        values = {one.name: one.check(request.pop(one.name, one.default)) for one in kind.parameters}
        if request:
            raise ValueError(f"{next(iter(request))}: {kind.name} does not know it")
        if count and values.get("how") == "refuse":
            raise ValueError(
                "count: a refused connection cannot be counted; use for_s, or take the mood back"
            )
        until = self._clock.mono() + for_s if for_s else None
        return Mood(next(self._numbers), kind, mailbox.lower(), values, int(count) or None, until, int(after))


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
