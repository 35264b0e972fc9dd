"""The queue, looked at beside the service."""

from __future__ import annotations

import asyncio
from pathlib import Path

from relay365.clock import SystemClock
from relay365.config import parse
from relay365.doctor.finding import Finding, State
from relay365.doctor.house.backlog import alerts, store
from relay365.spool.api import LaneNote
from relay365.spool.sqlite import SqliteSpool


def looked(data: Path) -> Finding:
    return asyncio.run(store(data, SystemClock()))


def make(data: Path, note: LaneNote | None = None) -> None:
    async def made() -> None:
        spool = await SqliteSpool.open(data, clock=SystemClock())
        if note is not None:
            await spool.note_lane(note)
        await spool.close()

    asyncio.run(made())


FILE = """
[server]
data = "data"
[[listener]]
address = "127.0.0.1:25"
[[alerts.channel]]
kind = "mail"
to = "it@fabrikam.com"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
tls = "none"
"""


def test_alerts_need_a_sender_that_is_known() -> None:
    """A name of this machine is a warning, with what heals it; our own domain is well."""
    bare, ours = (
        asyncio.run(alerts(parse(text, "x.toml")))
        for text in (FILE, FILE + '[sender]\ndomains = ["contoso.com"]\n')
    )

    assert (State.WARN, "set [sender] domains, or rewrite_to; then: relay365 alerts test") == (
        bare.state,
        bare.do,
    )
    assert "route smarthost: no sender is known" in bare.text
    assert State.GOOD is ours.state


def test_no_queue_yet(tmp_path: Path) -> None:
    """That is well before the first run."""
    assert "no queue yet" in looked(tmp_path).text


def test_an_empty_queue(tmp_path: Path) -> None:
    """It opens."""
    make(tmp_path)

    assert (State.GOOD, "the queue opens; 0 wait") == (looked(tmp_path).state, looked(tmp_path).text)


def test_a_held_lane_is_a_fault(tmp_path: Path) -> None:
    """With the words of the refusal and the row that explains it."""
    make(tmp_path, LaneNote("out", "535 5.7.3 no", "configuration", "auth-refused"))
    finding = looked(tmp_path)

    assert (State.BAD, "535 5.7.3 no", "relay365 explain auth-refused") == (
        finding.state,
        finding.why,
        finding.do,
    )


def test_a_damaged_queue_is_a_fault(tmp_path: Path) -> None:
    """It is told to keep a copy first."""
    (tmp_path / "spool.db").write_bytes(b"this is no database" * 100)
    finding = looked(tmp_path)

    assert State.BAD is finding.state
    assert "copy" in finding.do
