"""The order to drain, as `status` finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.engine.control.drain import FILE, Drain, forget_drain, read_drain, write_drain

ORDER = Drain(4711, 1000.0, 2800.0, stops=True, by="mina")


def test_it_comes_back_and_is_forgotten(tmp_path: Path) -> None:
    """Written, read, written anew, taken away; to take away what is not there is no fault."""
    write_drain(tmp_path, Drain(4711, 1.0, 2.0))
    write_drain(tmp_path, ORDER)
    found = read_drain(tmp_path, 4711)
    forget_drain(tmp_path)
    forget_drain(tmp_path)

    assert (ORDER, None) == (found, read_drain(tmp_path, 4711))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("pid", [None, 4712])
def test_it_ends_with_its_process(tmp_path: Path, pid: int | None) -> None:
    """One that a killed service has left behind says nothing of the next one, nor while none runs."""
    write_drain(tmp_path, ORDER)

    assert read_drain(tmp_path, pid) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"pid": 4711}', '{"pid": "x", "began_at": 1}', "\0"]
)
def test_what_cannot_be_read_is_no_order(tmp_path: Path, text: str) -> None:
    """Whoever asks how the relay is gets an answer all the same."""
    (tmp_path / FILE).write_text(text)

    assert read_drain(tmp_path, 4711) is None
