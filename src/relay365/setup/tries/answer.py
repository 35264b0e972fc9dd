"""The answer to one try: good with what was seen, or not with what was said, why, and what heals it."""

from __future__ import annotations

from dataclasses import dataclass

from relay365.routes.catalogue import pasted


@dataclass(frozen=True, slots=True)
class Answer:
    """name: the question in two or three words. text: what was seen, or the exact text of the refusal.

    row: the catalogue's word for a refusal, "" for none. is_known: False where nobody could say (no network, no DNS).
    """

    name: str
    good: bool
    text: str
    why: str = ""
    do: str = ""
    row: str = ""
    is_known: bool = True


def refused(name: str, text: str, where: str) -> Answer:
    """What a remote refused, explained by the catalogue. where: smtp, token or graph."""
    row = pasted.explain(text, where).row
    if row is None:
        return Answer(
            name, False, text, "no row of the catalogue knows this text", "relay365 explain 'the whole text'"
        )
    return Answer(name, False, text, row.title, row.do[0] if row.do else f"relay365 explain {row.id}", row.id)


def unreachable(name: str, who: str, error: object, do: str) -> Answer:
    """Nobody answered: that is neither yes nor no."""
    words = " ".join(str(error).split()) or type(error).__name__
    return Answer(name, False, f"{who}: {words}", f"{who} cannot be reached from here", do, is_known=False)
