"""What a kind of mood is: its name, its parameters, and which values they take.

It is below the tables so that every table of kinds, and the moods themselves, can be checked against one form.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay365.emulator.texts import TEXTS, as_written

SMTP = ("submission", "mx", "hve", "acs")
"""The services that speak SMTP."""


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
    """One kind of mood. per says what count counts, per_mailbox whether one mailbox can have it alone, and services
    which services it can be limited to; () where it is about one service only.
    """

    name: str
    does: str
    per: str
    parameters: tuple[Parameter, ...] = ()
    per_mailbox: bool = True
    services: tuple[str, ...] = SMTP
