"""Upgrades with a full queue: a newer relay, with a migration of its own, takes over thousands of messages from us.

The newer one is a copy of the package with one more migration: the present program is the older version here. So the
way of every real upgrade is walked before there is one.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

import relay365
from contract.spools import DELIVERED, HELD, accept, claim, new_message, settlement
from e2e.house import SMARTHOST, UNREPAIRED, Relay, Sink, eventually
from relay365.clock import SystemClock
from relay365.spool.api import NewMessage
from relay365.spool.sql import load_migrations
from relay365.spool.sqlite import SqliteSpool

N_MESSAGES = 5_000
N_DELIVERED, N_HELD, N_CLAIMED = 200, 50, 3
OLD = load_migrations("sqlite")[-1][0]
NEW = OLD + 1
MIGRATION = """\
-- What migrations do: a column, a rebuilt table, an index, rows rewritten; and long enough to be killed in the middle.
ALTER TABLE message ADD COLUMN grade TEXT NOT NULL DEFAULT '';
UPDATE message SET grade = 'kept ' || seq;
CREATE TABLE told (seq INTEGER NOT NULL, n INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (seq, n)) WITHOUT ROWID;
INSERT INTO told SELECT seq, n, state FROM recipient;
INSERT INTO told
WITH RECURSIVE counting (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 3000000)
SELECT -1, max(n), 'x' FROM counting;
UPDATE event SET detail = detail || '';
CREATE INDEX message_grade ON message (grade);
INSERT INTO told
WITH RECURSIVE counting (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 3000000)
SELECT -2, max(n), 'x' FROM counting;
"""
RETRY = '[queue]\nretry = ["1s"]\n'


@dataclass
class Ledger:
    """What the older version had when it was stopped: numbers of messages by what is to become of them."""

    waiting: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    claimed: set[int] = field(default_factory=set)


def _content(n: int) -> bytes:
    """Small ones; each 50th in a shared segment, each 1000th in one of its own."""
    size = 1_200_000 if n % 1000 == 0 else 40_000 if n % 50 == 0 else 150
    head = f"Message-ID: <{n}@device.test>\r\nSubject: {n}\r\n\r\n".encode()
    line = f"{n:07d} ".encode() * 9 + b"\r\n"
    return head + line * (size // len(line)) + b"the end\r\n"


def _number(content: bytes) -> int:
    return int(content.partition(b"Message-ID: <")[2].partition(b"@")[0])


def _message(now: float) -> NewMessage:
    return new_message("lena@fabrikam.com", at=now, life_s=400_000.0)


async def _fill(data: Path) -> Ledger:
    """As the older version leaves it when the machine is switched off: history, holds, claims, and a long queue."""
    clock, ledger = SystemClock(), Ledger()
    spool = await SqliteSpool.open(data, clock=clock)
    now = clock.now()
    number_of = {}

    async def take(n: int) -> None:
        number_of[await accept(spool, _message(now), _content(n))] = n

    finished = N_DELIVERED + N_HELD + N_CLAIMED
    for start in range(0, finished, 100):
        await asyncio.gather(*(take(n) for n in range(start, min(start + 100, finished))))
    claims = [one for _ in range(10) for one in await claim(spool, now + 1, limit=100)]
    for one, fate in zip(claims, [DELIVERED] * N_DELIVERED + [HELD] * N_HELD, strict=False):
        await spool.settle([settlement(one, fate)])
    ledger.held = {number_of[one.spool_id] for one in claims[N_DELIVERED : N_DELIVERED + N_HELD]}
    ledger.claimed = {number_of[one.spool_id] for one in claims[N_DELIVERED + N_HELD :]}
    for start in range(finished, finished + N_MESSAGES, 250):
        await asyncio.gather(*(take(n) for n in range(start, start + 250)))
    ledger.waiting = set(range(finished, finished + N_MESSAGES))
    await spool.close()
    return ledger


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one more migration; gives what PYTHONPATH must be."""
    copy = tmp_path_factory.mktemp("newer") / "relay365"
    source = Path(relay365.__file__).parent
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "spool/sql/sqlite/migrations" / f"{NEW:04d}_synthetic.sql").write_text(MIGRATION, "utf-8")
    return copy.parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "relay").mkdir()
    return tmp_path / "relay"


def _relay(home: Path, sink: Sink, newer: Path | None = None) -> Relay:
    config = SMARTHOST.format(host=sink.address) + UNREPAIRED + RETRY
    return Relay(home, config, {"PYTHONPATH": str(newer), "PYTHONDONTWRITEBYTECODE": "1"} if newer else None)


def _look(data: Path) -> tuple[int, str, dict[str, int]]:
    """(schema, integrity, recipients by state) of a queue that nobody uses."""
    connection = apsw.Connection(str(data / "spool.db"))
    try:
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
        integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
        rows = connection.execute("SELECT state, count(*) FROM recipient GROUP BY state").fetchall()
        return schema, integrity, dict(rows)
    finally:
        connection.close()


def _is_migrating(data: Path) -> bool:
    """Whether somebody has the database in a transaction that writes."""
    connection = apsw.Connection(str(data / "spool.db"))
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except apsw.BusyError:
        return True
    finally:
        connection.close()
    return False


def _kill_in_the_middle(relay: Relay, data: Path, after_s: float) -> None:
    """Start, wait until the migration has begun, and a while longer; then kill -9."""
    with relay.log_file.open("a") as log:
        relay.process = subprocess.Popen(
            [sys.executable, "-m", "relay365", "run", "--config", str(relay.config_file), "--json"],
            stdout=subprocess.PIPE, stderr=log, text=True, cwd=relay.directory, env=relay.environ,
        )  # fmt: skip
    eventually(lambda: _is_migrating(data), 60.0)
    time.sleep(after_s)
    assert _is_migrating(data), "it was too late to kill it in the middle"
    relay.kill()
    relay.close_pipes()


def test_a_full_queue_survives_an_upgrade_that_is_killed(home: Path, newer: Path) -> None:
    """5,000 messages wait, some held, some claimed, contents of all kinds. The newer relay is killed in its migration
    at several moments: each time the queue is the old one, whole. Then it may end: nothing is lost, all is delivered,
    whole and once but for what was claimed; held mail stays held until it is released. The older version then refuses.
    """
    ledger = asyncio.run(_fill(home / "data"))
    before = _look(home / "data")
    with Sink() as sink:
        relay = _relay(home, sink, newer)
        for after_s in (0.0, 0.2, 0.5):
            _kill_in_the_middle(relay, home / "data", after_s)
            assert before == _look(home / "data")
        with relay:
            expected = ledger.waiting | ledger.claimed
            eventually(lambda: {_number(one.content) for one in sink.delivered} >= expected, 200.0)
            eventually(lambda: {one["state"] for one in relay.queue()} == {"held"})
            held = len(relay.queue())
            assert 0 == relay.command("queue", "release", "--all").returncode
            eventually(lambda: not relay.queue(), 60.0)
        _judge(sink, ledger)
        schema, integrity, states = _look(home / "data")
        _is_refused(_relay(home, sink), schema)

    assert (OLD, "ok") == before[:2]
    assert N_HELD == held
    assert (NEW, "ok") == (schema, integrity)
    assert {"delivered": N_MESSAGES + N_DELIVERED + N_HELD + N_CLAIMED} == states


def _judge(sink: Sink, ledger: Ledger) -> None:
    counts = Counter(_number(one.content) for one in sink.delivered)
    assert set() == (ledger.waiting | ledger.held | ledger.claimed) ^ set(counts)
    assert {} == {n: times for n, times in counts.items() if times > 1 and n not in ledger.claimed}
    assert [] == [
        n for one in sink.delivered if not one.content.endswith(_content(n := _number(one.content)))
    ]


def _is_refused(older: Relay, schema: int) -> None:
    """The way back: in plain words, with nothing touched, by the service and by the command line."""
    with pytest.raises(AssertionError) as started:
        older.start()
    older.close_pipes()
    listed = older.command("queue", "list")
    words = f"has schema {NEW}, this relay365 knows schemas up to {OLD}: install the newer one"

    assert words in str(started.value)
    assert 1 == older.process.wait(10)  # type: ignore[union-attr]
    assert words in listed.stderr
    assert 3 == listed.returncode
    assert schema == _look(older.directory / "data")[0]


async def _few(data: Path, n_messages: int) -> None:
    clock = SystemClock()
    spool = await SqliteSpool.open(data, clock=clock)
    for n in range(n_messages):
        await accept(spool, _message(clock.now()), _content(n * 50))
    await spool.close()


def test_an_old_backup_comes_back_on_a_newer_relay(home: Path, newer: Path, tmp_path: Path) -> None:
    """The backup from before the upgrade restores under the newer version, brought up to date; a backup of the newer
    one is refused by the older, by verify and by restore, with the version that can.
    """
    asyncio.run(_few(home / "data", 20))
    with Sink() as sink:
        old, new = _relay(home, sink), _relay(home, sink, newer)
        assert 0 == old.command("backup", "create", str(tmp_path / "old.tar.gz")).returncode
        restored = _run(new, "backup", "restore", str(tmp_path / "old.tar.gz"), "--to", str(tmp_path / "new"))
        looked = _look(tmp_path / "new")
        shutil.rmtree(home / "data")
        (tmp_path / "new").rename(home / "data")
        assert 0 == new.command("backup", "create", str(tmp_path / "new.tar.gz")).returncode
        verified = _run(old, "backup", "verify", str(tmp_path / "new.tar.gz"), "--json")
        refused = _run(old, "backup", "restore", str(tmp_path / "new.tar.gz"), "--to", str(tmp_path / "x"))
    found = json.loads(verified[1])

    assert 0 == restored[0]
    assert (NEW, "ok", {"held": 20}) == looked
    assert (1, False) == (verified[0], found["restorable"])
    assert f"schema {NEW}, this relay365 knows schemas up to {OLD}" in found["problems"][0]
    assert 1 == refused[0]
    assert f"knows schemas up to {OLD}" in refused[2]
    assert not (tmp_path / "x").exists()


def _run(relay: Relay, *arguments: str) -> tuple[int, str, str]:
    """A command that takes no configuration."""
    done = subprocess.run(
        [sys.executable, "-m", "relay365", *arguments],
        capture_output=True, text=True, timeout=120, env=relay.environ, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr
