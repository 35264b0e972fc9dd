"""Five hundred peers that do not behave: they cost little, a normal client is served meanwhile, deadlines cut them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay
from hostile.vitals import memory_octets
from load.crowd import Crowd, dribbling, dribbling_in_data, normal_clients, silent, stopping_in_data

N = 500
N_NORMAL = 20
SERVED_S = 0.5  # in the median: a machine with other work makes single ones wait
DEADLINE_S = 6
LATE_S = 6.0  # how much later than its deadline a peer may be cut, on a machine that has other work
MOST_OCTETS_EACH = 30_000
CONFIG = (
    SMARTHOST.format(host="127.0.0.1:1").replace(
        'data = "./data"',
        f'data = "./data"\ncommand_timeout = "{DEADLINE_S}s"\ncontent_timeout = "{DEADLINE_S}s"',
    )
    + '[queue]\nretry = ["1h"]\n'
)
MANNERS = {
    "silent": silent, "dribbling": dribbling,
    "stopping-in-data": stopping_in_data, "dribbling-in-data": dribbling_in_data,
}  # fmt: skip
TIMED_OUT = re.compile(rb"(?s).*421 4\.4\.2 Timed out waiting for you \(A76\)\r\n")


@pytest.mark.parametrize("manner", MANNERS)
def test_a_crowd_that_does_not_behave_costs_little_and_is_cut(manner: str, tmp_path: Path) -> None:
    """Five hundred at once, from ten addresses: all get in, at most 30 KB each; most normal clients are
    served within half a second; each of the crowd hears 421 at its deadline, and not before.
    """

    async def story(relay: Relay) -> None:
        assert relay.process is not None
        await normal_clients(relay.port, 5)
        before, crowd = memory_octets(relay.process.pid), Crowd(relay.port)
        await crowd.come(N, MANNERS[manner])
        await crowd.until(lambda: all(member.said for member in crowd.members))
        each = (memory_octets(relay.process.pid) - before) / N
        took = sorted(await normal_clients(relay.port, N_NORMAL))
        n_alive = crowd.n_alive
        await crowd.until(lambda: not crowd.n_alive)
        await crowd.go()
        figures = f"{each:,.0f} octets a session; a normal client {took[N_NORMAL // 2]:.3f} s, at most {took[-1]:.3f} s"
        print(f"{manner}: {figures}")  # noqa: T201 - the figures, for -s

        assert each <= MOST_OCTETS_EACH
        assert took[N_NORMAL // 2] < SERVED_S
        assert n_alive > N / 2, "the crowd was gone before the normal clients came"
        assert [] == [m.said[-200:] for m in crowd.members if not TIMED_OUT.fullmatch(m.said)]
        assert [] == [
            m.lasted_s for m in crowd.members if not DEADLINE_S - 0.5 < m.lasted_s < DEADLINE_S + LATE_S
        ]

    with Relay(tmp_path, CONFIG) as relay:
        asyncio.run(story(relay))


def test_one_address_cannot_keep_the_others_out(tmp_path: Path) -> None:
    """Of three hundred connections from one address a hundred stay; the others hear 421, other addresses are served."""

    async def story(relay: Relay) -> None:
        crowd = Crowd(relay.port)
        await crowd.come(300, silent, addresses=1, first=9)
        await crowd.until(lambda: all(member.said for member in crowd.members))
        await crowd.until(lambda: crowd.n_alive <= 100)
        took = sorted(await normal_clients(relay.port, N_NORMAL))
        refused = [m.said for m in crowd.members if m.said.startswith(b"421")]
        n_alive = crowd.n_alive
        await crowd.go()

        assert (100, 200) == (n_alive, len(refused))
        assert {b"421 4.7.0 Too many sessions from your address (A51)\r\n"} == set(refused)
        assert took[N_NORMAL // 2] < SERVED_S

    with Relay(tmp_path, SMARTHOST.format(host="127.0.0.1:1")) as relay:
        asyncio.run(story(relay))


def test_a_crowd_that_never_shakes_hands_is_counted_like_any_other(tmp_path: Path) -> None:
    """On a listener with implicit TLS, peers that connect and say nothing take the places of their own address only:
    what is above a hundred is closed at once, and a peer of another address is greeted.
    """

    async def story(relay: Relay) -> None:
        crowd = Crowd(relay.ports[1])
        await crowd.come(300, silent, addresses=1, first=9)
        await crowd.until(lambda: crowd.n_alive <= 100)
        n_alive = crowd.n_alive
        took = sorted(await normal_clients(relay.port, N_NORMAL))
        await crowd.go()

        assert 100 == n_alive
        assert took[N_NORMAL // 2] < SERVED_S

    listeners = (
        '[[listener]]\naddress = "127.0.0.1:0"\n[[listener]]\naddress = "127.0.0.1:0"\ntls = "implicit"\n'
    )
    config = SMARTHOST.format(host="127.0.0.1:1").replace(
        '[[listener]]\naddress = "127.0.0.1:0"\n', listeners
    )
    with Relay(tmp_path, config) as relay:
        asyncio.run(story(relay))
