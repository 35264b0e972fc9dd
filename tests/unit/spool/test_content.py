"""Contents in memory between accept and claim."""

from __future__ import annotations

from relay365.spool.content import HotContents


def test_a_hot_content_is_handed_over_once() -> None:
    """The claim that takes it has it; nobody keeps it longer."""
    hot = HotContents(100)
    hot.keep(1, b"x" * 60)

    assert b"x" * 60 == hot.take(1)
    assert hot.take(1) is None
    hot.keep(2, b"y" * 100)
    assert b"y" * 100 == hot.take(2)


def test_a_full_memory_forgets_the_oldest() -> None:
    """Mail that is never claimed cannot fill it for ever."""
    hot = HotContents(100)
    for seq in range(10):
        hot.keep(seq, b"z" * 40)

    assert [None] * 8 + [b"z" * 40] * 2 == [hot.take(seq) for seq in range(10)]
    hot.keep(11, b"z" * 101)
    assert hot.take(11) is None
