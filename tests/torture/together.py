"""kill -9 while mail goes together: one letter for many people in one transaction, and storms that become digests.

`python -m torture.together [--cycles 100] [--seed 1]`. As torture.kill, but the devices write letters to eight people
one by one, and alarms without end to one; two slow connections, so that all of it waits and goes together. Each person
is a promise of its own: whatever died when, each has his letter and each alarm, in a digest or alone; and only what was
claimed at a death came to him twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from crash.scene import config
from e2e.house import TODAY, Relay
from torture import kill
from torture.device import Connection
from torture.kill import DRAIN_S, Play
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import name_of, query_at_rest

N_PEOPLE = 8
STORM_TO = "ops@fabrikam.com"
LEAST = 3
SLOW_S = 0.03
TAKEN_TOGETHER = "SELECT message_id, address FROM message JOIN recipient USING (seq) WHERE state = 'claimed'"
ROUTE = f"""connections = 2
per_minute = 100000
recipients = 30
[repair]
date = "none"
sender = false
recipient = false
[[rule]]
recipients = ["{STORM_TO}"]
routes = ["smarthost"]
digest = {LEAST}
"""


def relay_together(directory: Path, host: str, env: dict[str, str] | None = None) -> Relay:
    """Two connections, letters of at most thirty recipients, and a digest where three alarms wait."""
    text = config(host).replace('address = "127.0.0.1:0"\n', 'address = "127.0.0.1:0"\ntls = "none"\n')
    return Relay(directory, text.replace('tls = "none"\n[queue]', f'tls = "none"\n{ROUTE}[queue]'), env)


def letter(name: str) -> bytes:
    """Small, with all that a message needs, so that nothing is added to it."""
    head = f"Message-ID: <{name}@device.test>\r\nFrom: ERP <scan@contoso.com>\r\nTo: <all@fabrikam.com>\r\n"
    return (
        f"{head}Date: {TODAY}\r\nSubject: {name}\r\n\r\n.dot\r\n--{name}\r\n\r\n--=x.0.digest--\r\n".encode()
    )


def letters_and_alarms(connection: Connection, dice: random.Random, name: str) -> bool:
    """One letter to each of eight people, or as many alarms to one, by lot."""
    if dice.random() < 0.5:
        sent = ((f"{name}/r{n}@fabrikam.com", letter(name), f"r{n}@fabrikam.com") for n in range(N_PEOPLE))
    else:
        alarms = [f"{name}-{n}" for n in range(N_PEOPLE)]
        sent = ((f"{alarm}/{STORM_TO}", letter(alarm), STORM_TO) for alarm in alarms)
    return all(connection.hand_in(*one).startswith("250") for one in sent)


def taken_together(data: Path) -> list[str]:
    """Who may get what once more: claimed when the relay died."""
    return [f"{name_of(message_id)}/{address}" for message_id, address in query_at_rest(data, TAKEN_TOGETHER)]


PLAY = Play(
    "kill -9 while mail goes together",
    relay_together,
    letters_and_alarms,
    taken_together,
    1200,  # two connections and as many claims ahead, of 200 messages at most; and outcomes that wait for their commit
    ("torture.opened", SLOW_S),
)


def run(
    directory: Path, n_cycles: int, seed: int, env: dict[str, str] | None = None, *, drain_s: float = DRAIN_S
) -> Row:
    """So many lives and deaths; it must have seen letters and digests, or it has proved nothing."""
    row = kill.run(directory, n_cycles, seed, env, drain_s=drain_s, play=PLAY)
    sizes = {how: _sizes(directory / "sink.record", how) for how in ("letter", "digest")}
    for how, found in sizes.items():
        row.promise(f"nothing went as a {how} of several", kept=any(size > 1 for size in found))
        row.notes.append(
            f"{how}s of several: {sum(n > 1 for n in found)}, the largest {max(found, default=0)}"
        )
    return row


def _sizes(record: Path, how: str) -> list[int]:
    """How many were in each transaction of a kind. A digest or letter of n has n lines in the record."""
    lines: Iterable[list[str]] = (line.split(" ") for line in record.read_text().splitlines())
    found = [int(size) for _, _, kind, size in lines if kind == how]
    return [size for size in set(found) for _ in range(found.count(size) // size)]


if __name__ == "__main__":
    given = arguments(__doc__, 100)
    with workplace() as place:
        finish([run(place, given.cycles, given.seed)])
