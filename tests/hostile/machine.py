"""The same malformed sessions against the machine alone: no socket, no disk, so several times as many in the time.

Each session is played as it was cut and again whole, some octet by octet: the replies must be the same (RFC 5321
knows no writes), and what the machine says is judged as on the wire. A session that says STARTTLS is played once:
what is glued behind it must be forgotten, and what is glued depends on the cut.
"""

from __future__ import annotations

import time

from hostile.dialogue import Session, session_of
from hostile.sessions import Storm
from transcript.cuts import singly
from transcript.house import House
from transcript.machine import MachineHost
from transcript.script import parse

SINGLY_EVERY = 20
HOUSE = """# A house that takes everything.   RFC 5321 4
? offer auth starttls clear-auth
? user scan secret
=> nothing
"""


def live(writes: tuple[bytes, ...] | list[bytes]) -> tuple[bytes, int]:
    """(what was said, how many messages were accepted) of one session."""
    host = MachineHost(House(parse("hostile", HOUSE, "C")))
    host.pump()
    for octets in writes:
        host.machine.receive(octets)
        host.pump()
    host.machine.receive_eof()
    host.pump()
    return host.machine.octets_to_send(), len(host.accepted)


def storm_machine(seed: int, count: int) -> Storm:
    """Play `count` sessions; whatever is raised is a fault."""
    found, since = Storm(seed), time.monotonic()
    for number in range(count):
        try:
            _one(found, number, session_of(seed, number))
        except Exception as error:  # noqa: BLE001 - the machine never raises for what a peer does; that is the claim
            found.faults.append(f"session {number}: {error!r}")
    found.seconds = time.monotonic() - since
    return found


def _one(found: Storm, number: int, session: Session) -> None:
    said, n_accepted = live(session.writes)
    found.judge(number, said.replace(b"queued as ", b"queued as 23456"), is_whole=True)
    if b"220 2.0.0" in said:
        return
    octets = b"".join(session.writes)
    other = live(singly(octets) if number % SINGLY_EVERY == 0 else [octets])
    if other != (said, n_accepted):
        found.faults.append(f"session {number}: another cut got another answer")
