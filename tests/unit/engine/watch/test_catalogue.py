"""The list of metrics: names and units as Prometheus asks."""

from __future__ import annotations

from relay365.engine.watch.catalogue import METRICS, MetricFamily


def test_names_are_as_prometheus_asks() -> None:
    """Unique, in base units, a counter without _total in the list, a sentence for each."""
    names = [one.name for one in METRICS]

    assert len(names) == len(set(names))
    assert [] == [one.name for one in METRICS if not one.meaning.endswith(".")]
    assert [] == [name for name in names if name.endswith(("_total", "_ms", "_octets"))]


def test_a_counter_is_shown_with_its_suffix() -> None:
    """As a query must name it."""
    assert ["x_total", "x"] == [MetricFamily("x", kind, (), "").shown for kind in ("counter", "gauge")]
