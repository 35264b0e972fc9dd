"""Tables for the terminal and for docs/scheduling.md: means over the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.quota.demand import KINDS, LANES
from bench.quota.figures import Figures
from bench.quota.plot import Bar, bars
from bench.quota.scenarios import Scenario

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scheduling.md"
PLOTS = PAGE.parent / "performance"
BEGIN, END = "<!-- made by python -m bench.quota --write -->", "<!-- end of what is made -->"
OF_A_DAY = ("day", "unforeseen", "looping")  # what lacks is the day, and it matters which lane gets it
UPPER = ("alarm", "normal")  # of these, all can be sent
IN_FULL = "sliding"  # the model whose figures the page shows in full

Played = Mapping[str, Mapping[str, Figures]]
"""policy -> model -> figures."""


def means(runs: Sequence[Played]) -> Played:
    """The mean of each figure over the seeds in which it has a meaning."""
    return {
        policy: {model: _mean([run[policy][model] for run in runs]) for model in models}
        for policy, models in runs[0].items()
    }


def _mean(all_figures: Sequence[Figures]) -> Figures:
    names = dict.fromkeys(name for one in all_figures for name in one)
    return {name: statistics.fmean(one[name] for one in all_figures if name in one) for name in names}


def text(scenario: Scenario, played: Played) -> str:
    """Everything, for the terminal: a line for each policy and model."""
    lines = [scenario.title]
    for policy, models in played.items():
        for model, found in models.items():
            cells = [f"{title} {cell}" for title, cell in _cells(found, scenario).items() if cell]
            lines.append(f"  {policy:<22} {model:<14} {'  '.join(cells)}")
    return "\n".join(lines)


def page(played: Mapping[str, tuple[Scenario, Played]], seeds: Sequence[int]) -> str:
    """The tables of docs/scheduling.md."""
    parts = [
        f"Means over the seeds {', '.join(map(str, seeds))}; `make bench-quota` makes them again, to the digit."
    ]
    for scenario, found in played.values():
        parts += ["", f"### {scenario.title}", ""]
        if _models_differ(found):
            parts += [*_matrix(scenario, found), "", f"The rest, where the server counts as `{IN_FULL}`:", ""]
        elif len(scenario.models) > 1:
            parts += [f"The same in every model ({', '.join(scenario.models)}):", ""]
        parts += _table(scenario, found)
        if scenario.name in PLOTTED:
            parts += ["", f"![{scenario.title}](performance/quota-{scenario.name}.svg)"]
    return "\n".join(parts)


def write(played: Mapping[str, tuple[Scenario, Played]], seeds: Sequence[int]) -> None:
    """Put the tables between the marks of docs/scheduling.md, and plots beside it. Raises ValueError without marks."""
    before, mark, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} has lost its marks; put {BEGIN} and {END} where the tables belong")
    PAGE.write_text(f"{before}{BEGIN}\n{page(played, seeds)}\n{END}{after}", "utf-8")
    for name, (scenario, found) in played.items():
        if name in PLOTTED:
            (PLOTS / f"quota-{name}.svg").write_text(_plot(scenario, found), "utf-8")


def _models_differ(played: Played) -> bool:
    return any(
        round(found[key], 3) != round(models[IN_FULL][key], 3)
        for models in played.values()
        for found in models.values()
        for key in ("used", "refused")
    )


def _matrix(scenario: Scenario, played: Played) -> list[str]:
    rows = [
        "Used of 30 a minute, and refusals per 1,000 tries, by how the server counts:",
        "",
        f"| policy | {' | '.join(scenario.models)} |",
        "|---" * (len(scenario.models) + 1) + "|",
    ]
    for policy, models in played.items():
        cells = [
            f"{_percent(models[model]['used'])} / {_few(models[model]['refused'])}"
            for model in scenario.models
        ]
        rows.append(f"| {policy} | {' | '.join(cells)} |")
    return rows


def _table(scenario: Scenario, played: Played) -> list[str]:
    """The figures of one model. A column that is empty for everybody is left out."""
    found = {policy: _cells(models[IN_FULL], scenario) for policy, models in played.items()}
    titles = [
        title for title in dict.fromkeys(t for cells in found.values() for t in cells)
        if any(cells.get(title) for cells in found.values())
    ]  # fmt: skip
    rows = [f"| policy | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    rows += [
        f"| {policy} | {' | '.join(cells.get(title, '') for title in titles)} |"
        for policy, cells in found.items()
    ]
    return rows


def _cells(found: Figures, scenario: Scenario) -> dict[str, str]:
    """Column -> words, in the order of the columns; "" where there is nothing to say."""
    cells = {}
    if scenario.name not in OF_A_DAY:  # there, the minute is not what lacks
        cells["used"] = _percent(found["used"])
    cells["refused per 1,000"] = _few(found["refused"])
    cells["of the optimum"] = _percent(found["of_best"])
    if "foreign_refused" in found:
        cells["the other refused per 1,000"] = _few(found["foreign_refused"])
    for kind in KINDS:
        if f"done_{kind}" not in found:
            continue
        done = _percent(found[f"done_{kind}"])
        if kind not in UPPER and f"of_best_{kind}" in found:
            done += f" ({_percent(found[f'of_best_{kind}'])} of the optimum)"
        cells[f"{kind} done"] = done
        waits = [_seconds(found[f"{share}_{kind}"]) for share in ("p50", "p99") if f"{share}_{kind}" in found]
        cells[f"{kind} wait p50, p99"] = ", ".join(waits)
    cells["Jain"] = f"{found['jain']:.3f}" if "jain" in found else ""
    return cells


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _few(number: float) -> str:
    return f"{number:.1f}" if 0 < number < 99.95 else f"{number:.0f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds / 60:.0f} min"


def _plot(scenario: Scenario, played: Played) -> str:
    title, chosen = PLOTTED[scenario.name]
    rows = {
        policy: [
            Bar(words, models[IN_FULL].get(key, 0.0) / most, label(models[IN_FULL].get(key, 0.0)))
            for key, words, most, label in chosen
        ]
        for policy, models in played.items()
    }
    return bars(title, rows)


PLOTTED = {
    "saturated": (
        "A saturated mailbox, sliding minute: what is used, and what is refused",
        (
            ("used", "used of 30 a minute", 1.0, _percent),
            ("refused", "refused per 1,000 tries", 1000.0, _few),
        ),
    ),
    "day": (
        "One day: how much of each lane was sent",
        tuple((f"done_{lane}", lane, 1.0, _percent) for lane in LANES),
    ),
    "pool": (
        "Four mailboxes: what was sent of what could have been, and how fairly",
        (
            ("of_best", "of the optimum", 1.0, _percent),
            ("jain", "Jain's index", 1.0, lambda value: f"{value:.2f}"),
        ),
    ),
}
"""Scenario -> title, and for each bar: figure, words, what a full bar is, how the value is written."""
