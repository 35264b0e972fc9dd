"""Bars as SVG: a group of them for each row, one colour for each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#1f4e79", "#c0504d", "#7f9f3f")
NAME_PX, BAR_PX, LINE_PX, GAP_PX = 170, 420, 14, 8
WIDTH_PX = NAME_PX + BAR_PX + 80


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. share: of the full length, cut at 1; label: its value in words."""

    kind: str
    share: float
    label: str


def bars(title: str, rows: Mapping[str, Sequence[Bar]]) -> str:
    """A whole picture; every row has the same kinds in the same order."""
    shapes = [
        f'<text x="8" y="18" font-weight="bold">{escape(title)}</text>',
        *_legend(next(iter(rows.values()))),
    ]
    y = 50
    for name, group in rows.items():
        shapes.append(f'<text x="8" y="{y + 11}">{escape(name)}</text>')
        for bar, colour in zip(group, COLOURS, strict=False):
            width = BAR_PX * min(1.0, max(0.0, bar.share))
            shapes.append(
                f'<rect x="{NAME_PX}" y="{y}" width="{width:.0f}" height="{LINE_PX - 2}" fill="{colour}"/>'
                f'<text x="{NAME_PX + width + 6:.0f}" y="{y + 10}" font-size="11">{escape(bar.label)}</text>'
            )
            y += LINE_PX
        y += GAP_PX
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_PX}" height="{y}"'
    return f'{head} font-family="sans-serif" font-size="12">{"".join(shapes)}</svg>\n'


def _legend(group: Sequence[Bar]) -> list[str]:
    return [
        f'<rect x="{NAME_PX + 150 * n}" y="28" width="10" height="10" fill="{colour}"/>'
        f'<text x="{NAME_PX + 150 * n + 14}" y="37" font-size="11">{escape(bar.kind)}</text>'
        for n, (bar, colour) in enumerate(zip(group, COLOURS, strict=False))
    ]
