"""The dashboard and the alerting rules speak of metrics, labels, events and commands that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.main import COMMANDS
from relay365.engine.watch.catalogue import METRICS
from relay365.journal import EVENTS
from shape.tree import DOCS, ROOT

BOARD = DOCS / "grafana" / "relay365.json"
RULES = DOCS / "grafana" / "alerts.yml"
PROMTOOL = shutil.which("promtool") or ROOT / "tests/interop/.tools/prometheus/usr/bin/promtool"
_EVERYWHERE = {"instance", "job", "le"}
_RULE = re.compile(
    r"      - alert: (?P<name>\w+)\n        expr: '(?P<expr>(?:[^'\n]|'')+)'\n        for: \d+[mh]\n"
    r"        labels:\n          severity: (?:critical|warning|info)\n        annotations:\n"
    r"          summary: '(?P<what>(?:[^'\n]|'')+)'\n          description: '(?P<why>(?:[^'\n]|'')+)'\n"
    r"          runbook: '(?P<do>(?:[^'\n]|'')+)'\n"
)


def _shown() -> dict[str, set[str]]:
    """Labels by the name that a query uses."""
    found: dict[str, set[str]] = {}
    for one in METRICS:
        names = (
            [f"{one.name}_{end}" for end in ("bucket", "sum", "count")]
            if one.kind == "histogram"
            else [one.shown]
        )
        found.update((name, set(one.labels)) for name in names)
    return found


def _rules() -> list[dict[str, str]]:
    return [
        {key: value.replace("''", "'") for key, value in one.groupdict().items()}
        for one in _RULE.finditer(RULES.read_text("utf-8"))
    ]


def _panels() -> list[dict[str, Any]]:
    board: dict[str, Any] = json.loads(BOARD.read_text("utf-8"))
    return list(board["panels"])


def _queries() -> Iterator[tuple[str, str]]:
    """(where, expression) of panels and rules."""
    for panel in _panels():
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from ((rule["name"], rule["expr"]) for rule in _rules())


QUERIES = list(_queries())


@pytest.mark.parametrize(("where", "query"), QUERIES, ids=[where for where, _ in QUERIES])
def test_a_query_asks_for_what_exists(where: str, query: str) -> None:
    """Its metrics are on the list, its labels are theirs, its events are events."""
    shown, bare = _shown(), re.sub(r'"[^"]*"', '""', query)
    metrics = set(re.findall(r"\b(?:relay365|process)_\w+", bare))
    labels = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=(?!=))", bare))
    for group in re.findall(r"\bby \(([^)]*)\)", bare):
        labels |= {word.strip() for word in group.split(",")}
    known = set().union(*(shown[name] for name in metrics)) | _EVERYWHERE
    events = {name for group in re.findall(r'event=~?"([^"]+)"', query) for name in group.split("|")}

    assert metrics, where
    assert set() == metrics - set(shown)
    assert set() == labels - known
    assert set() == events - {event.name for event in EVENTS}


def test_every_rule_has_the_three_lines() -> None:
    """What, why and do; each rule of the file is read by the pattern; names are unique."""
    rules = _rules()

    assert len(rules) == RULES.read_text("utf-8").count("- alert:") >= 15
    assert len(rules) == len({rule["name"] for rule in rules})


def test_a_rule_names_commands_that_exist() -> None:
    """Whoever is called at night pastes them."""
    named = {word for rule in _rules() for word in re.findall(r"\brelay365 ([a-z][a-z-]+)", rule["do"])}

    assert named
    assert set() == named - set(COMMANDS)


def test_a_rule_shows_labels_that_it_has() -> None:
    """A label that the expression folds away would be an empty place in the text."""
    shown = _shown()
    for rule in _rules():
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule.values())))
        folded = re.search(r"\bby \(([^)]*)\)", rule["expr"])
        names = set(re.findall(r"\brelay365_\w+", rule["expr"]))
        has = (
            set(folded[1].split(", "))
            if folded
            else set().union(*(shown[name] for name in names)) | {"instance"}
        )

        assert set() == used - has, rule["name"]


def test_the_dashboard_can_be_imported() -> None:
    """Ids are unique, panels do not overlap, each asks the data source that the import asks for."""
    panels = _panels()
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in panels
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]

    assert len(panels) == len({panel["id"] for panel in panels})
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23
    assert {"${DS_PROMETHEUS}"} == {panel["datasource"]["uid"] for panel in panels}


@pytest.mark.parametrize("metric", ["relay365_frozen", "relay365_draining"])
def test_what_a_person_ordered_is_shown_and_called_for(metric: str) -> None:
    """An order that was forgotten looks like a fault: it has a panel in the first row, and a rule."""
    shown = [one for one in _panels() if any(metric in target["expr"] for target in one["targets"])]
    rules = [one for one in _rules() if f"{metric} == 1" == one["expr"]]

    assert [0] == [one["gridPos"]["y"] for one in shown]
    assert 1 == len(rules)
    assert "relay365 status" in rules[0]["do"]


@pytest.mark.skipif(not Path(PROMTOOL).exists(), reason="promtool is missing")
def test_prometheus_itself_reads_every_expression(tmp_path: Path) -> None:
    """promtool checks the rules, and the panels' queries dressed as rules."""
    lines = ["groups:", "  - name: panels", "    rules:"]
    for n, (_, query) in enumerate(QUERIES):
        quoted = query.replace("$instance", ".*").replace("'", "''")
        lines += [f"      - record: panel:{n}", f"        expr: '{quoted}'"]
    panels = tmp_path / "panels.yml"
    panels.write_text("\n".join(lines) + "\n")
    checked = subprocess.run(
        [PROMTOOL, "check", "rules", str(RULES), str(panels)], capture_output=True, text=True, timeout=60
    )

    assert 0 == checked.returncode, checked.stdout + checked.stderr
