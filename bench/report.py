"""Tables for people: medians with their spread, the first one's paired ratios to the others, and plots as SVG."""

from __future__ import annotations

import os
import platform
import re
import statistics
from pathlib import Path
from xml.sax.saxutils import escape

from bench.measure import PEERS, Case, Figures
from relay365.clock import SystemClock
from relay365.mail.headers import date_time

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PLOTS = PAGE.parent / "performance"
BEGIN, END = "<!-- made by python -m bench --write -->", "<!-- end of what is made -->"
HEAD = "### "
UNITS = {"per_second": "/s", "cpu_ms": "ms CPU each", "p50_ms": "ms p50", "p99_ms": "ms p99"}
LOWER_IS_BETTER = ("_ms", "_mb", "seconds")


def machine() -> str:
    """On what it was measured."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("ascii", "replace"))
    return (
        f"{os.cpu_count()} cores, {model[1] if model else platform.machine()}, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def text(case: Case, runs: dict[str, list[Figures]]) -> str:
    """A case for the terminal."""
    if case.is_list:
        return "\n".join([case.title, *_table(case, runs)])
    lines = [case.title]
    for name, figures in runs.items():
        words = [f"{_median(figures, key):,.2f} {_unit(key)}" for key in figures[0]]
        lines.append(f"  {name:<20}{'   '.join(words)}")
    lines += [f"  {line}" for line in _ratios(case, runs)]
    return "\n".join(lines)


def _ratios(case: Case, runs: dict[str, list[Figures]]) -> list[str]:
    """Run by run, the first one's figures against each other's: median and spread of how many times better it is."""
    lines: list[str] = []
    first = case.peers[0]
    for other in case.peers[1:] if first in runs and not case.is_list else ():
        words = "better than" if other in PEERS else "as good as"
        for key in runs[first][0]:
            times = _times(key, runs[first], runs.get(other, []))
            if times:
                spread = f"{min(times):.2f} to {max(times):.2f}"
                lines.append(f"{statistics.median(times):.2f}x {words} {other} in {_unit(key)} ({spread})")
    return lines


def _times(key: str, ours_all: list[Figures], theirs_all: list[Figures]) -> list[float]:
    """How many times better each of our runs was than theirs of the same round; above 1 is better."""
    pairs = [
        (ours[key], theirs[key])
        for ours, theirs in zip(ours_all, theirs_all, strict=False)
        if ours.get(key, 0) > 0 and theirs.get(key, 0) > 0
    ]
    is_lower_better = key.endswith(LOWER_IS_BETTER)
    return [theirs / ours if is_lower_better else ours / theirs for ours, theirs in pairs]


def write(
    cases: list[Case], runs: dict[str, dict[str, list[Figures]]], n_runs: int, *, is_whole: bool
) -> None:
    """Put the tables between the marks of docs/performance.md, and a plot per case beside it.

    is_whole: only these cases; else the tables of other cases stay as they are.
    """
    PLOTS.mkdir(exist_ok=True)
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    made, _, after = rest.partition(END)
    sections = {} if is_whole else _sections(made)
    day = date_time(SystemClock().now())[5:16]
    for case in cases:
        if case.name in runs:
            note = f"{day}, {n_runs} rounds, in turn: {machine()}."
            sections[case.title] = "\n".join(
                [note, "", *_table(case, runs[case.name]), *_plotted(case, runs)]
            )
    parts = [BEGIN, *(f"{HEAD}{title}\n\n{text}\n" for title, text in sections.items()), END]
    PAGE.write_text(before + "\n".join(parts) + after, "utf-8")


def _sections(made: str) -> dict[str, str]:
    """Title -> text of the tables that are there."""
    parts = [part.partition("\n") for part in f"\n{made}".split(f"\n{HEAD}")[1:]]
    return {title: text.strip("\n") for title, _, text in parts}


def _plotted(case: Case, runs: dict[str, dict[str, list[Figures]]]) -> list[str]:
    """Make the plot of a case that has a rate; gives the lines that show it."""
    if "per_second" not in next(iter(runs[case.name].values()))[0]:
        return []
    (PLOTS / f"{case.name}.svg").write_text(_plot(case, runs[case.name]), "utf-8")
    return ["", f"![{case.title}](performance/{case.name}.svg)"]


def _table(case: Case, runs: dict[str, list[Figures]]) -> list[str]:
    keys = list(dict.fromkeys(key for figures in runs.values() for key in figures[0]))
    if case.is_list:
        names, lines = " | ".join(runs), [(key, [_cell(one, key) for one in runs.values()]) for key in keys]
        return [f"| | {names} |", "|---" * (len(runs) + 1) + "|"] + [
            f"| {_unit(key)} | {' | '.join(cells)} |" for key, cells in lines
        ]
    rows = [f"| | {' | '.join(_unit(key) for key in keys)} |", "|---" * (len(keys) + 1) + "|"]
    for name, figures in runs.items():
        cells = [_cell(figures, key) for key in keys]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return [*rows, "", *(f"- {line}" for line in _ratios(case, runs))]


def _cell(figures: list[Figures], key: str) -> str:
    if key not in figures[0]:
        return ""
    values = [run[key] for run in figures]
    return f"{_median(figures, key):,.2f} ({min(values):,.2f} to {max(values):,.2f})"


def _median(figures: list[Figures], key: str) -> float:
    return statistics.median(run[key] for run in figures)


def _unit(key: str) -> str:
    return UNITS.get(
        key, key.replace("_mb", " MB").replace("_ms", " ms").replace("_per_second", "/s").replace("_", " ")
    )


def _plot(case: Case, runs: dict[str, list[Figures]]) -> str:
    """Every run as a dot, the median as a bar: messages a second."""
    most = max(run["per_second"] for figures in runs.values() for run in figures)
    height = 30 * len(runs) + 46
    shapes = [f'<text x="8" y="18" font-weight="bold">{escape(case.title)}: messages a second</text>']
    for n, (name, figures) in enumerate(runs.items()):
        y = 44 + 30 * n
        width = 320 * _median(figures, "per_second") / most
        shapes.append(f'<text x="8" y="{y + 4}">{escape(name)}</text>')
        shapes.append(f'<rect x="150" y="{y - 8}" width="{width:.0f}" height="16" fill="#9ec5e8"/>')
        shapes += [
            f'<circle cx="{150 + 320 * run["per_second"] / most:.0f}" cy="{y}" r="3" fill="#1f4e79"/>'
            for run in figures
        ]
        shapes.append(f'<text x="{160 + width:.0f}" y="{y + 4}">{_median(figures, "per_second"):,.0f}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="{height}"'
    return f'{head} font-family="sans-serif" font-size="12">{"".join(shapes)}</svg>\n'
