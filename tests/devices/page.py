"""The table of docs/devices.md, made from the sessions: `python -m devices.page` in tests prints it."""

from __future__ import annotations

import sys

from relay365.mail.tolerance import TOLERANCES
from relay365.trial.zoo.cages import Specimen, specimens


def rows() -> str:
    """One line for each session."""
    head = "| row | device | session | claim | tolerance | at the device |\n|---|---|---|---|---|---|\n"
    return head + "".join(_row(one) for one in specimens())


def tolerances() -> str:
    """One line for each tolerance, with the sessions that show it."""
    zoo = specimens()
    head = "| tolerance | is | what | on | off |\n|---|---|---|---|---|\n"
    lines = []
    for one in TOLERANCES:
        shown = (next((s.name for s in zoo if s.needs == one.name), ""), _off(zoo, one.name))
        price = f" **Price:** {one.price}." if one.price else ""
        cells = (
            f"`{one.name}`",
            "on" if one.is_on else "off",
            one.meaning.replace("<", "&lt;") + "." + price,
            *(f"{name}" for name in shown),
        )
        lines.append(f"| {' | '.join(cells)} |\n")
    return head + "".join(lines)


def _off(zoo: list[Specimen], name: str) -> str:
    return next((one.name for one in zoo if one.without == name), "")


def _row(one: Specimen) -> str:
    tolerance = f"`{one.needs}`" if one.needs else f"without `{one.without}`" if one.without else ""
    source = one.script.source
    device = f"[{one.device}]({source})" if source.startswith("http") else f"{one.device} ({source})"
    return f"| {one.row} | {device} | {one.name} | {one.script.title} | {tolerance} | {one.do} |\n"


if __name__ == "__main__":
    sys.stdout.write(f"{tolerances()}\n{rows()}")
