"""What devices and programs want to send: messages with their instants, drawn from seeded dice.

The day is that of a middling office: monitors at all hours, scanners in office hours, and a mailing at nine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LANES = ("alarm", "normal", "bulk")
LOOP = "loop"
KINDS = (*LANES, LOOP)
"""What figures are made of: the lanes, and apart from them what a device in a loop sends."""
MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0

N_ALARMS, N_SCANS, N_BULK = 482, 3_493, 12_000
N_MONITORS, N_SCANNERS = 6, 40
BULK_AT_S = 9 * HOUR_S
UNFORESEEN_S = (14 * HOUR_S, 18 * HOUR_S)
SCAN_HOURS = (0, 0, 0, 0, 0, 0, 2, 6, 10, 11, 11, 10, 6, 9, 10, 10, 8, 5, 2, 0, 0, 0, 0, 0)
"""How many of a hundred scans are made in each hour of the day."""

FLOODING, NOISY, QUIET = "flooding", "noisy", tuple(f"quiet-{n}" for n in range(5))
N_NOISY, N_QUIET = 4_000, 800
LOOPING, LOOP_EVERY_S = "scanner in a loop", 2.0
LOOP_FROM_S, LOOP_UNTIL_S = 9 * HOUR_S, 18 * HOUR_S
ALARMS_PER_MINUTE = 1.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one or more recipients. number: its place in the demand, which is in order of arrival.

    mailboxes: the numbers of those that may send it; another mailbox would be another From.
    """

    number: int
    client: str
    lane: str
    arrived: float
    n_recipients: int = 1
    mailboxes: tuple[int, ...] = (0,)

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return LOOP if self.client == LOOPING else self.lane


Forecast = Callable[[float], float]
"""How many recipients the upper lanes are expected to want from an instant to the end, in the mean."""


def dice(seed: int, purpose: str) -> random.Random:
    """Dice of their own for each purpose: what one of them draws moves none of the others."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311  a simulation must give the same day again


def saturated(seed: int, length_s: float) -> list[Message]:
    """More than a mailbox can send, there from the start and well shuffled: one client has half of it, five share the
    rest; and one alarm a minute.
    """
    own = dice(seed, "saturated")
    clients = [NOISY] * N_NOISY + [client for client in QUIET for _ in range(N_QUIET)]
    own.shuffle(clients)
    rows = [(0.0, client, "normal", (0,)) for client in clients]
    rows += [(at, "monitor", "alarm", (0,)) for at in instants(own, ALARMS_PER_MINUTE / MINUTE_S, length_s)]
    return _numbered(rows)


def flood(seed: int, length_s: float) -> list[Message]:
    """One client sends alarms without end, more than the mailbox can: three others send one a minute, and scanners ten
    pages.
    """
    own = dice(seed, "flood")
    rates = {("alarm", FLOODING): 40.0, **{("normal", client): 2.0 for client in QUIET}}
    rates |= {("alarm", f"monitor-{n}"): ALARMS_PER_MINUTE / 3 for n in range(3)}
    return _numbered(
        [
            (at, client, lane, (0,))
            for (lane, client), per_minute in rates.items()
            for at in instants(own, per_minute / MINUTE_S, length_s)
        ]
    )


def office_day(seed: int, n_unforeseen: int = 0) -> list[Message]:
    """482 alarms, 3,493 scans of 40 devices, and 12,000 messages of a mailing at nine.

    n_unforeseen: scans on top, from two to six in the afternoon, as on no day before.
    """
    own = dice(seed, "office day")
    rows = [*_upper_lanes(own), *[(BULK_AT_S, "mailing", "bulk", (0,))] * N_BULK]
    rows += [
        (own.uniform(*UNFORESEEN_S), f"scanner-{own.randrange(N_SCANNERS)}", "normal", (0,))
        for _ in range(n_unforeseen)
    ]
    return _numbered(rows)


def looping_day(seed: int) -> list[Message]:
    """The alarms and scans of a day, and a scanner that sends a page every two seconds from nine to six, as it thinks
    that none has arrived.
    """
    rows = _upper_lanes(dice(seed, "office day"))
    n_pages = int((LOOP_UNTIL_S - LOOP_FROM_S) / LOOP_EVERY_S)
    rows += [(LOOP_FROM_S + n * LOOP_EVERY_S, LOOPING, "normal", (0,)) for n in range(n_pages)]
    return _numbered(rows)


def office_history(seed: int) -> list[tuple[float, int]]:
    """(when, recipients) of the alarms and scans of the five weeks before, every day drawn anew; instants below 0."""
    return [
        (at - day * DAY_S, 1)
        for day in range(1, 36)
        for at, _, _, _ in _upper_lanes(dice(seed, f"history {day}"))
    ]


def _upper_lanes(own: random.Random) -> list[tuple[float, str, str, tuple[int, ...]]]:
    rows: list[tuple[float, str, str, tuple[int, ...]]] = [
        (own.uniform(0.0, DAY_S), f"monitor-{own.randrange(N_MONITORS)}", "alarm", (0,))
        for _ in range(N_ALARMS)
    ]
    for hour in own.choices(range(24), weights=SCAN_HOURS, k=N_SCANS):
        at = own.uniform(hour * HOUR_S, (hour + 1) * HOUR_S)
        rows.append((at, f"scanner-{own.randrange(N_SCANNERS)}", "normal", (0,)))
    return rows


def office_forecast(now: float) -> float:
    """The true mean of what alarms and scans still want until midnight: a forecast in practice will be worse."""
    hour, share = int(now // HOUR_S), now % HOUR_S / HOUR_S
    if hour >= len(SCAN_HOURS):
        return 0.0
    scans = sum(SCAN_HOURS[hour:]) - SCAN_HOURS[hour] * share
    return N_SCANS * scans / sum(SCAN_HOURS) + N_ALARMS * (1.0 - now / DAY_S)


def pool(seed: int, length_s: float) -> list[Message]:
    """Four mailboxes: two clients are bound to the first one by their From, one to the second; nine may use any.

    All clients together want nine tenths of what the four can send, in bursts; clients are of very unequal size.
    """
    own = dice(seed, "pool")
    anywhere = (0, 1, 2, 3)
    sizes: dict[str, tuple[int, tuple[int, ...]]] = {
        f"any-{n}": (share, anywhere) for n, share in enumerate((30, 18, 12, 8, 6, 4, 3, 2, 2))
    }
    sizes |= {"first-0": (6, (0,)), "first-1": (4, (0,)), "second-0": (5, (1,))}
    n_wanted = int(0.9 * 4 * 30 * length_s / MINUTE_S)
    rows: list[tuple[float, str, str, tuple[int, ...]]] = []
    for client, (share, mailboxes) in sizes.items():
        n_left = n_wanted * share // 100
        while n_left > 0:
            n_burst = min(n_left, 1 + int(own.expovariate(1 / 40)))
            at = own.uniform(0.0, length_s * 0.9)
            rows += [(at, client, "normal", mailboxes)] * n_burst
            n_left -= n_burst
    return _numbered(rows)


def instants(own: random.Random, per_second: float, length_s: float) -> list[float]:
    """The instants of independent events (Poisson) until an end."""
    found: list[float] = []
    at = own.expovariate(per_second)
    while at < length_s:
        found.append(at)
        at += own.expovariate(per_second)
    return found


def _numbered(rows: Sequence[tuple[float, str, str, tuple[int, ...]]]) -> list[Message]:
    inorder = sorted(rows, key=lambda row: row[0])
    return [
        Message(number, client, lane, at, mailboxes=mailboxes)
        for number, (at, client, lane, mailboxes) in enumerate(inorder)
    ]
