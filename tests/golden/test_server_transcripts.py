"""Every server transcript holds, against the machine however its octets are cut, and against a live listener."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from relay365.clock import SystemClock
from relay365.net.tls import own_certificate, server_context
from relay365.smtp.states import ALLOWED, NEXT
from relay365.spool.sqlite import SqliteSpool
from transcript import live, machine
from transcript.house import check_pairs_known
from transcript.script import Script, scripts

SCRIPTS = scripts(Path(__file__).parent / "server")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> live.Tls:
    folder = tmp_path_factory.mktemp("tls")
    files = own_certificate(folder, ["localhost"], SystemClock().now())
    return live.Tls(server_context(*files), ssl.create_default_context(cafile=str(folder / "ca.pem")))


@pytest.fixture(scope="module", params=sorted(LOOPS))
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


@pytest.fixture(scope="module")
def spool(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteSpool]:
    spool = runner.run(SqliteSpool.open(tmp_path_factory.mktemp("spool"), clock=SystemClock()))
    yield spool
    runner.run(spool.close())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
@pytest.mark.parametrize("cut", [machine.whole, machine.lines, machine.octets], ids=lambda cut: cut.__name__)
def test_the_machine_speaks_as_written(script: Script, cut: machine.Cut) -> None:
    """The replies and what was accepted are the written ones, for whole writes, lines and single octets."""
    machine.play(script, cut)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_machine_does_not_need_a_patient_client(script: Script) -> None:
    """A client that says everything in one write, without waiting for a reply, gets the same replies."""
    machine.play(script, machine.whole, merge=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_live_listener_speaks_as_written(
    script: Script, runner: asyncio.Runner, spool: SqliteSpool, tls: live.Tls
) -> None:
    """Over a real socket, with real TLS and a real spool, replies and accepted mail are the written ones."""
    runner.run(live.play(script, spool, tls))


def test_there_are_enough_and_each_names_its_source() -> None:
    """At least 45 dialogues, each with a source that can be looked up, and no pair that is never compared."""
    assert len(SCRIPTS) >= 45
    assert [] == [
        s.name for s in SCRIPTS if not any(w in s.source for w in ("RFC", "devices", "Microsoft", "CVE"))
    ]
    for script in SCRIPTS:
        for end in script.ends:
            check_pairs_known(end)


def test_every_legal_move_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """All moves of the table are made by some transcript; a move that nobody makes would be untested law."""
    made: set[object] = set()
    moves = _Watched(NEXT, made.add)
    monkeypatch.setattr("relay365.smtp.server.NEXT", moves)
    for script in SCRIPTS:
        machine.play(script, machine.whole)

    assert set() == set(NEXT) - made


def test_every_command_is_said_in_every_phase_that_reads_commands() -> None:
    """No phase allows a verb that NEXT and the simple answers do not know."""
    simple = {"NOOP", "HELP", "VRFY", "QUIT", "RSET"}

    assert [] == [
        (phase, verb)
        for phase, verbs in ALLOWED.items()
        for verb in verbs - simple
        if (phase, verb) not in NEXT
    ]


class _Watched(dict):  # type: ignore[type-arg]
    """A table that tells which of its rows are read."""

    def __init__(self, table: dict[object, object], seen: Callable[[object], None]) -> None:
        super().__init__(table)
        self._seen = seen

    def __getitem__(self, key: object) -> object:
        self._seen(key)
        return super().__getitem__(key)

    def get(self, key: object, default: object = None) -> object:
        if key in self:
            self._seen(key)
        return super().get(key, default)
