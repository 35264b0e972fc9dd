"""A file takes another's place; on Windows as soon as nobody has that one open."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from relay365 import replace
from relay365.replace import TRIES, put_in_place


class Busy:
    """A fresh file whose place is open for the first tries."""

    def __init__(self, n_refused: int) -> None:
        self.n_refused, self.n_tried = n_refused, 0

    def replace(self, file: Path) -> None:
        self.n_tried += 1
        if self.n_tried <= self.n_refused:
            raise PermissionError(13, "Access is denied")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(replace, "time", SimpleNamespace(sleep=taken.append))
    return taken


def _on(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(replace, "os", SimpleNamespace(name=system))


def test_it_takes_the_place(tmp_path: Path, pauses: list[float]) -> None:
    """What was there is gone, at once."""
    fresh, file = tmp_path / "f.new", tmp_path / "f"
    fresh.write_text("new")
    file.write_text("old")
    put_in_place(fresh, file)

    assert (["f"], "new") == ([one.name for one in tmp_path.iterdir()], file.read_text())
    assert [] == pauses


def test_windows_waits_until_it_is_closed(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    """A reader, or a virus scanner."""
    _on(monkeypatch, "nt")
    busy = Busy(3)
    put_in_place(busy, Path("f"))  # type: ignore[arg-type]

    assert (4, 3) == (busy.n_tried, len(pauses))


def test_windows_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    """Who holds it for longer is told of, within two seconds or so."""
    _on(monkeypatch, "nt")
    busy = Busy(1_000)
    with pytest.raises(PermissionError):
        put_in_place(busy, Path("f"))  # type: ignore[arg-type]

    assert busy.n_tried == TRIES
    assert 1.0 <= sum(pauses) <= 2.0


def test_elsewhere_a_refusal_is_one(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    """There it is about rights, which no wait changes."""
    _on(monkeypatch, "posix")
    busy = Busy(1)
    with pytest.raises(PermissionError):
        put_in_place(busy, Path("f"))  # type: ignore[arg-type]

    assert (1, []) == (busy.n_tried, pauses)
