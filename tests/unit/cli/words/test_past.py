"""What commands ask of the past: its errors in three lines, what an answer means, sessions without mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relay365.cli.words.past import meaning_of, sessions_without_mail, with_history
from relay365.engine.blackbox.archive import Archive
from relay365.spool.api import State
from relay365.spool.history.trouble import Trouble
from relay365.spool.history.wanted import Wanted

ANSWER = Trouble(
    1.0, 1, "4TQ921", 0, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "", "", "a", State.FAILED, "c", False
)


def session(**more: Any) -> dict[str, Any]:
    """One of the archive."""
    found = {"began_at": 100.0, "ids": [], "login": "scan", "reading": "left after our 334", "peer": "192.0.2.7:99",
             "lines": [[0, "client", "MAIL FROM:<a@x.test>"], [1, "client", "rcpt to:<b@y.test>"]]}  # fmt: skip
    return found | more


def test_a_damaged_database_is_exit_3(full_desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In three lines, whichever question it was."""
    (full_desk.directory / "data" / "spool.db").write_bytes(b"x" * 8192)
    with pytest.raises(SystemExit) as end:
        with_history(None, lambda past: past.last_number())

    assert 3 == end.value.code
    assert capsys.readouterr().err.startswith("what: the history in ")


def test_an_answer_means_what_the_relay_understood_or_what_its_words_say() -> None:
    """A later failure is read as a report."""
    assert (
        ("message", "no-such-recipient") == meaning_of(ANSWER) == meaning_of(ANSWER._replace(is_later=True))
    )
    assert ("sender", "mine") == meaning_of(ANSWER._replace(klass="sender", row="mine"))
    assert ("sender", None) == meaning_of(ANSWER._replace(klass="sender", row=""))
    assert ("transient", None) == meaning_of(ANSWER._replace(text="451 4.9.9 never heard of"))


@pytest.mark.parametrize(("wanted", "n"), [
    (Wanted(), 1), (Wanted(words=("334",)), 1), (Wanted(words=("192.0.2.7", "b@Y")), 1), (Wanted(words=("lena",)), 0),
    (Wanted(sender="a@x"), 1), (Wanted(to="b@y.test"), 1), (Wanted(to="a@x"), 0), (Wanted(sender="*@x.test"), 1),
    (Wanted(device="COPIER"), 1), (Wanted(device="scan"), 1), (Wanted(device="192.*"), 1), (Wanted(device="ups"), 0),
    (Wanted(since_at=101.0), 0), (Wanted(until_at=100.0), 0), (Wanted(since_at=100.0, until_at=100.5), 1),
    (Wanted(states=frozenset({State.FAILED})), 0), (Wanted(ids=frozenset({"4TQ921"})), 0), (Wanted(subject="x"), 0),
    (Wanted(errors=frozenset({"x"})), 0), (Wanted(octets=(1.0, 9.0)), 0),
])  # fmt: skip
def test_sessions_are_found_as_messages_are(tmp_path: Path, wanted: Wanted, n: int) -> None:
    """By what was said in them; one that brought mail is not among them, and wishes about messages leave all out."""
    archive = Archive(tmp_path)
    sessions = [session(), session(ids=["4TQ921"])]
    archive.write("device-copier", {"device": "copier", "address": "192.0.2.7", "sessions": sessions})

    assert n == len(list(sessions_without_mail(archive, wanted)))
