"""A damaged spool: cut short at every page and anywhere, flipped octets, empty and foreign files, newer schema.

`python -m torture.damage [--cycles 2000] [--seed 1]`. Each state begins as a good spool with mail of every size, after
a stop or after a kill -9; one thing is damaged, and the relay is started on it. It runs or refuses in plain words; it
never sends what nobody sent; content that the damage does not touch is delivered; nothing is a traceback.
Damage to a segment must cost nothing else. Damage to the database may cost rows that no reader can see any more: those
states are counted as "lost rows", and are no breach of a promise that rests on the disk.
"""

from __future__ import annotations

import itertools
import random
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import apsw

from crash.scene import NOWHERE, OWN, SHARED, SMALL
from e2e.house import DEADLINE_S, Relay
from torture.device import send_one
from torture.ledger import Ledger
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import Sink, end_in_order, end_life, faults_in_log, name_of, query_at_rest, relay_on

PAGE_OCTETS = 4096
N_WORKERS = 2
SETTLE_S = 8.0
QUIET_S = 1.5
ENVELOPE = "scan@contoso.com>lena@fabrikam.com"
SIZES = (SMALL, SMALL, SMALL, 20_000, SHARED, SHARED, OWN)

Damage = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """One state: which good spool it begins as, which file is damaged, and how. spares_database: so does the damage."""

    name: str
    template: str
    file: str
    damage: Damage
    spares_database: bool

    def __str__(self) -> str:
        return f"{self.template}, {self.file}: {self.name}"


def templates(directory: Path, ledger: Ledger) -> dict[str, Path]:
    """Two good spools with the same mail, nothing of it delivered."""
    made = {}
    for name in ("stopped", "killed"):
        place = directory / name
        place.mkdir(parents=True)
        relay = relay_on(place, NOWHERE).start()
        for n, size in enumerate(SIZES):
            assert send_one(relay.port, ledger, f"m{n}", size).startswith("250")
        if name == "killed":
            end_life(relay)
        else:
            assert 0 == relay.stop()
            relay.close_pipes()
        made[name] = place / "data"
    return made


def cases(made: dict[str, Path], seed: int) -> Iterator[Case]:
    """Every page border of every file first, then without end by lot."""
    dice = random.Random(seed)
    files = [
        (name, str(file.relative_to(data)), file.stat().st_size)
        for name, data in sorted(made.items())
        for file in sorted(data.rglob("*"))
        if file.is_file() and file.name not in ("lock", "spool.db-shm") and "tls" not in file.parts
    ]
    for name, file, _ in files:
        yield _case(name, file, "empty", lambda path: path.write_bytes(b""))
        yield _case(name, file, "missing", lambda path: path.unlink())
        yield _case(name, file, "a folder in its place", _to_folder)
    for name in sorted(made):
        yield _case(name, "spool.db", "a newer schema", _newer)
        yield _case(
            name, "segments/holiday.jpg", "a foreign file", lambda path: path.write_bytes(b"\xff\xd8")
        )
        yield _case(
            name, "segments/0000000099-0.seg", "a foreign link", lambda path: path.symlink_to("elsewhere")
        )
    yield from altered_rows()
    for name, file, size in files:
        step = PAGE_OCTETS if size <= 512 * 1024 else size // 100 // PAGE_OCTETS * PAGE_OCTETS
        for length in range(PAGE_OCTETS, size, step):
            yield _case(name, file, f"cut to {length}", _cut(length))
    while True:
        name, file, size = dice.choice(files)
        if dice.random() < 0.4:
            yield _case(name, file, f"cut to {(length := dice.randrange(size))}", _cut(length))
        else:
            places = tuple(
                (dice.randrange(size), dice.randrange(1, 256)) for _ in range(dice.choice((1, 1, 3, 30)))
            )
            yield _case(name, file, f"flipped at {places[:3]}", _flipped(places))


def altered_rows() -> Iterator[Case]:
    """One octet of one row: the text becomes another text, or none that can be read."""
    for word in (b"scan@contoso.com", b"lena@fabrikam.com", b"Received: "):
        for mask, what in ((0x03, "another text"), (0x80, "no text")):
            yield _case(
                "stopped", "spool.db", f"a row's {word.decode()} becomes {what}", _altered(word, mask)
            )


def _altered(word: bytes, mask: int) -> Damage:
    def alter(path: Path) -> None:
        octets = bytearray(path.read_bytes())
        octets[octets.rindex(word) + 1] ^= mask
        path.write_bytes(octets)

    return alter


def _case(template: str, file: str, name: str, damage: Damage) -> Case:
    return Case(name, template, file, damage, file.startswith("segments/"))


def _cut(length: int) -> Damage:
    def cut(path: Path) -> None:
        with path.open("r+b") as file:
            file.truncate(length)

    return cut


def _flipped(places: tuple[tuple[int, int], ...]) -> Damage:
    def flip(path: Path) -> None:
        octets = bytearray(path.read_bytes())
        for place, mask in places:
            octets[place] ^= mask
        path.write_bytes(octets)

    return flip


def _to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _newer(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version=99")
    connection.close()


@dataclass
class Tally:
    """What the states have come to; how: name of an end -> number of states."""

    row: Row
    how: Counter[str]

    def note(self, case: Case, end: str, broken: list[str]) -> None:
        """One state."""
        self.how[end] += 1
        self.row.n_cycles += 1
        self.row.broken += [f"{case}: {words}" for words in broken]


class Judge:
    """Brings states to life, one after the other, with one sink."""

    def __init__(self, place: Path, made: dict[str, Path], good: Ledger, env: dict[str, str] | None) -> None:
        place.mkdir()
        self._place, self._made, self._good, self._env = place, made, good, env
        self._sink = Sink(place)
        self._n_seen = 0

    def close(self) -> None:
        """End the sink."""
        self._sink.__exit__(None, None, None)

    def look(self, case: Case, tally: Tally) -> None:
        """One life on a damaged spool."""
        life = self._place / "life"
        shutil.rmtree(life, ignore_errors=True)
        life.mkdir()
        shutil.copytree(self._made[case.template], life / "data", symlinks=True)
        case.damage(life / "data" / case.file)
        relay = relay_on(life, self._sink.address, env=self._env)
        try:
            relay.start()
        except AssertionError:
            tally.note(case, "refused", _refusal(relay))
            return
        finally:
            if relay.process is not None and relay.process.poll() is not None:
                relay.close_pipes()
        self._live(relay, case, tally)

    def _live(self, relay: Relay, case: Case, tally: Tally) -> None:
        fresh, broken = Ledger(), []
        reply = send_one(relay.port, fresh, "new", SMALL)
        n_late = self._settled(relay.directory / "data")
        code = end_in_order(relay)
        n_seen, arrivals = self._n_seen, self._new_arrivals()
        strange = [envelope for envelope in self._sink.envelopes()[n_seen:] if envelope != ENVELOPE]
        broken += [f"sent as {envelope!r}, which nobody asked for" for envelope in strange]
        broken += [f"exit code {code}"] * (code != 0) + ["a traceback"] * bool(faults_in_log(relay))
        broken += [f"a new message was answered {reply!r}"] * (reply[:3] not in ("250", "451", "452"))
        known = {**self._good.hashes, **fresh.hashes}
        broken += [f"{name} arrived altered" for name, digest in arrivals if known.get(name) != digest]
        names = [name for name, _ in arrivals]
        broken += [f"{name} arrived twice" for name in set(names) if names.count(name) > 1]
        is_behind = bool(fresh.accepted) and "new" not in names
        broken += [f"new mail waits behind the damage, with {n_late} recipients"] * is_behind
        tally.row.n_damaged += sum(known.get(name) != digest for name, digest in arrivals)
        tally.row.n_duplicates += len(names) - len(set(names))
        accepted = {*self._good.accepted, *fresh.accepted}
        tally.row.n_accepted += len(accepted)
        gone = accepted - set(names) - _still_there(relay.directory / "data")
        if case.spares_database:
            missed = accepted - set(names) - self._touched(case)
            tally.row.n_lost += len(gone | missed)
            broken += [f"not delivered although untouched: {sorted(missed)}"] * bool(missed)
            broken += [f"gone: {sorted(gone)}"] * bool(gone)
            broken += [f"{n_late} still wait; new mail: {reply!r}"] * (n_late > 0 or reply[:3] != "250")
        end = "delivered all" if not accepted - set(names) else "lost rows" if gone else "kept the rest"
        tally.note(case, "waits for a person" if n_late else end, broken)

    def _touched(self, case: Case) -> set[str]:
        """The names of the messages whose content in a segment is not what it was."""
        good, bad = self._made[case.template] / case.file, self._place / "damaged"
        if not good.exists():
            return set()
        shutil.rmtree(bad, ignore_errors=True)
        bad.mkdir()
        copy = bad / "segment"
        shutil.copyfile(good, copy)
        case.damage(copy)
        whole = good.read_bytes()
        octets = copy.read_bytes() if copy.is_file() else b""
        sql = f"SELECT message_id, segment_offset, size_octets FROM message WHERE segment = '{good.name}'"
        rows = query_at_rest(self._made[case.template], sql)
        return {
            name_of(message_id)
            for message_id, at, size in rows
            if whole[at : at + size] != octets[at : at + size]
        }

    def _new_arrivals(self) -> list[tuple[str, str]]:
        arrivals = self._sink.arrivals()[self._n_seen :]
        self._n_seen += len(arrivals)
        return arrivals

    def _settled(self, data: Path) -> int:
        """Wait until nothing waits, or nothing moves any more; gives how many recipients still wait, if known."""
        until, quiet_since, n_arrived = time.monotonic() + SETTLE_S, time.monotonic(), -1
        while time.monotonic() < until:
            n_waiting = _n_waiting(data)
            if n_waiting == 0:
                return 0
            if len(self._sink.arrivals()) != n_arrived:
                n_arrived, quiet_since = len(self._sink.arrivals()), time.monotonic()
            if n_waiting is None and time.monotonic() - quiet_since > QUIET_S:
                return 0
            threading.Event().wait(0.05)
        return _n_waiting(data) or 0


def _n_waiting(data: Path) -> int | None:
    """Recipients that wait, None when the database cannot say."""
    try:
        connection = apsw.Connection(str(data / "spool.db"), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(2000)
        with connection:
            rows = connection.execute(
                "SELECT count(*) FROM recipient WHERE state IN ('queued', 'claimed')"
            ).fetchall()
        connection.close()
    except apsw.Error:
        return None
    return int(rows[0][0])


def _still_there(data: Path) -> set[str]:
    """The names that the database still shows as held, queued or on their way."""
    sql = "SELECT DISTINCT CAST(message_id AS BLOB) FROM message JOIN recipient USING (seq) WHERE state <> 'delivered'"
    try:
        return {name_of(message_id.decode("utf-8", "replace")) for (message_id,) in query_at_rest(data, sql)}
    except (apsw.Error, OSError):
        return set()


def _refusal(relay: Relay) -> list[str]:
    """What is wrong with how it refused: exit 1 and three lines are right."""
    assert relay.process is not None
    code, log = relay.process.wait(DEADLINE_S), relay.log_file.read_text(errors="replace")
    lines = [line[:6] for line in log.splitlines()]
    broken = [f"refused with exit code {code}"] * (code != 1)
    broken += ["refused with a traceback"] * ("Traceback" in log)
    broken += [f"refused without three lines: {log[-300:]!r}"] * (
        lines[-3:] != ["what: ", "why:  ", "do:   "]
    )
    return broken


def first(n_states: int) -> Callable[[Iterator[Case]], list[Case]]:
    """The first so many: all the systematic ones, then by lot."""
    return lambda endless: list(itertools.islice(endless, n_states))


def by_lot(n_states: int, seed: int) -> Callable[[Iterator[Case]], list[Case]]:
    """So many, drawn from the systematic ones and as many others; altered rows have a run of their own."""
    return lambda endless: random.Random(seed).sample(
        list(itertools.islice((case for case in endless if not case.name.startswith("a row")), 500)), n_states
    )


def flipped_segments(n_states: int) -> Callable[[Iterator[Case]], list[Case]]:
    """So many with flipped octets in a segment: what only a checksum can see."""
    return lambda endless: list(
        itertools.islice(
            (case for case in endless if case.name.startswith("flip") and case.spares_database), n_states
        )
    )


def run(
    directory: Path,
    choose: Callable[[Iterator[Case]], list[Case]],
    seed: int,
    env: dict[str, str] | None = None,
) -> Row:
    """The states that are chosen, two at a time."""
    began, ledger = time.monotonic(), Ledger()
    tally = Tally(Row("damaged spool"), Counter())
    made = templates(directory, ledger)
    some = choose(cases(made, seed))
    judges = [Judge(directory / f"judge-{n}", made, ledger, env) for n in range(N_WORKERS)]

    def work(n: int) -> None:
        for case in some[n::N_WORKERS]:
            judges[n].look(case, tally)

    with ThreadPoolExecutor(N_WORKERS) as workers:
        for done in [workers.submit(work, n) for n in range(N_WORKERS)]:
            done.result()
    for judge in judges:
        judge.close()
    tally.row.notes.append(", ".join(f"{n} {how}" for how, n in tally.how.most_common()))
    tally.row.seconds = time.monotonic() - began
    return tally.row


if __name__ == "__main__":
    given = arguments(__doc__, 2000)
    with workplace() as at:
        row = run(at, first(given.cycles), given.seed)
        sys.stderr.write("\n".join(row.broken) + "\n")
        finish([row])
