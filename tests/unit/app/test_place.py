"""What every route is built with."""

from __future__ import annotations

from pathlib import Path

from relay365.app.place import Site


def test_a_site_is_a_value() -> None:
    """Two routes of one configuration get the same."""
    assert Site("h", Path("a"), Path("b")) == Site("h", Path("a"), Path("b"))
