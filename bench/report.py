"""Tables for people: medians with their spread, paired ratios to the first peer's rivals, and plots as SVG."""

from __future__ import annotations

import os
import platform
import re
import statistics
from pathlib import Path
from xml.sax.saxutils import escape

from bench.cases import Case, Figures
from relay365.clock import SystemClock
from relay365.mail.headers import date_time

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PLOTS = PAGE.parent / "performance"
BEGIN, END = "<!-- made by python -m bench --write -->", "<!-- end of what is made -->"
US = "relay365"
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
    lines = [case.title]
    for name, figures in runs.items():
        words = [f"{_median(figures, key):,.2f} {_unit(key)}" for key in figures[0]]
        lines.append(f"  {name:<10}{'   '.join(words)}")
    lines += [f"  {line}" for line in _ratios(runs)]
    return "\n".join(lines)


def _ratios(runs: dict[str, list[Figures]]) -> list[str]:
    """Run by run, ours against each rival's: how many times better, median and spread."""
    lines = []
    rivals = {name: figures for name, figures in runs.items() if name != US}
    for name, theirs_all in rivals.items() if US in runs else ():
        for key in runs[US][0]:
            pairs = [
                (ours[key], theirs[key])
                for ours, theirs in zip(runs[US], theirs_all, strict=False)
                if key in ours and key in theirs and ours[key] > 0 and theirs[key] > 0
            ]
            if pairs:
                times = [
                    theirs / ours if key.endswith(LOWER_IS_BETTER) else ours / theirs
                    for ours, theirs in pairs
                ]
                spread = f"{min(times):.2f} to {max(times):.2f}"
                lines.append(f"{statistics.median(times):.2f}x better than {name} in {_unit(key)} ({spread})")
    return lines


def write(cases: list[Case], runs: dict[str, dict[str, list[Figures]]], n_runs: int) -> None:
    """Put the tables between the marks of docs/performance.md, and a plot per case beside it."""
    PLOTS.mkdir(exist_ok=True)
    day = date_time(SystemClock().now())[5:16]
    parts = [BEGIN, f"Measured on {day} by `make bench` ({n_runs} rounds, peers in turn): {machine()}."]
    for case in cases:
        if case.name in runs:
            parts += ["", f"### {case.title}", "", *_table(runs[case.name])]
            if "per_second" in next(iter(runs[case.name].values()))[0]:
                (PLOTS / f"{case.name}.svg").write_text(_plot(case, runs[case.name]), "utf-8")
                parts += ["", f"![{case.title}](performance/{case.name}.svg)"]
    parts.append(END)
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + "\n".join(parts) + rest.partition(END)[2], "utf-8")


def _table(runs: dict[str, list[Figures]]) -> list[str]:
    keys = list(dict.fromkeys(key for figures in runs.values() for key in figures[0]))
    rows = [f"| | {' | '.join(_unit(key) for key in keys)} |", "|---" * (len(keys) + 1) + "|"]
    for name, figures in runs.items():
        cells = [_cell(figures, key) for key in keys]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return [*rows, "", *(f"- {line}" for line in _ratios(runs))]


def _cell(figures: list[Figures], key: str) -> str:
    if key not in figures[0]:
        return ""
    values = [run[key] for run in figures]
    return f"{_median(figures, key):,.2f} ({min(values):,.2f} to {max(values):,.2f})"


def _median(figures: list[Figures], key: str) -> float:
    return statistics.median(run[key] for run in figures)


def _unit(key: str) -> str:
    return UNITS.get(key, key.replace("_mb", " MB").replace("_ms", " ms").replace("_", " "))


def _plot(case: Case, runs: dict[str, list[Figures]]) -> str:
    """Every run as a dot, the median as a bar: messages a second."""
    most = max(run["per_second"] for figures in runs.values() for run in figures)
    height = 30 * len(runs) + 46
    shapes = [f'<text x="8" y="18" font-weight="bold">{escape(case.title)}: messages a second</text>']
    for n, (name, figures) in enumerate(runs.items()):
        y = 44 + 30 * n
        width = 380 * _median(figures, "per_second") / most
        shapes.append(f'<text x="8" y="{y + 4}">{escape(name)}</text>')
        shapes.append(f'<rect x="90" y="{y - 8}" width="{width:.0f}" height="16" fill="#9ec5e8"/>')
        shapes += [
            f'<circle cx="{90 + 380 * run["per_second"] / most:.0f}" cy="{y}" r="3" fill="#1f4e79"/>'
            for run in figures
        ]
        shapes.append(f'<text x="{100 + width:.0f}" y="{y + 4}">{_median(figures, "per_second"):,.0f}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="{height}"'
    return f'{head} font-family="sans-serif" font-size="12">{"".join(shapes)}</svg>\n'
