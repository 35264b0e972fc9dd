"""Every session of the zoo holds: at the machine however its octets are cut, at a live listener, and upstream."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devices import page
from devices.compare import comparable
from devices.stage import Settings, arrives, check_at_relay, needs_relay, relay_for, settings_of
from e2e.house import Relay, Sink, eventually
from relay365.clock import SystemClock
from relay365.mail.tolerance import BY_NAME
from relay365.net.tls import own_certificate, server_context
from relay365.spool.sqlite import SqliteSpool
from relay365.trial.zoo.cages import Specimen, find, specimens
from relay365.trial.zoo.play import Playing, play
from shape.tree import DOCS
from transcript import live, machine

ZOO = specimens()
AT_DOOR = [one for one in ZOO if not needs_relay(one.script)]
AT_RELAY = [one for one in ZOO if needs_relay(one.script) or arrives(one.script)]
Relays = Callable[[Settings], tuple[Relay, Sink]]
ROWS = {f"B{n}" for n in range(1, 56)} | {f"S{n}" for n in range(1, 38)}
ELSEWHERE = {  # rows about what our client meets at Microsoft; what is not heard here is not played here
    "S36": "tests/golden/client",
    "S37": "tests/golden/replies",
}


def marked(zoo: list[Specimen]) -> list[object]:
    """The sessions as parameters, each by its name."""
    return [pytest.param(one, id=one.name) for one in zoo]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> live.Tls:
    folder = tmp_path_factory.mktemp("tls")
    files = own_certificate(folder, ["localhost"], SystemClock().now())
    return live.Tls(server_context(*files), ssl.create_default_context(cafile=str(folder / "ca.pem")))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def spool(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteSpool]:
    spool = runner.run(SqliteSpool.open(tmp_path_factory.mktemp("spool"), clock=SystemClock()))
    yield spool
    runner.run(spool.close())


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    """One relay for all sessions with the same settings."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(
            lambda settings: stack.enter_context(relay_for(settings, tmp_path_factory.mktemp("relay")))
        )


@pytest.mark.parametrize("cut", [machine.whole, machine.lines, machine.octets], ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("specimen", marked(AT_DOOR))
def test_the_machine_answers_a_device_as_written(specimen: Specimen, cut: machine.Cut) -> None:
    """Replies and accepted mail are the written ones, for whole writes, lines and single octets."""
    host = machine.play(specimen.script, cut)

    assert not specimen.needs or specimen.needs in {*host.machine.counts.tolerated, *UNSEEN}


UNSEEN = {  # no octet tells that they were needed, or the session decides and not the machine
    "auth_equals", "no_dot_unstuff", "empty_login", "auth_in_clear", "early_talk",
}  # fmt: skip


@pytest.mark.parametrize("specimen", marked(AT_DOOR))
def test_a_live_listener_answers_a_device_as_written(
    specimen: Specimen, runner: asyncio.Runner, spool: SqliteSpool, tls: live.Tls
) -> None:
    """Over a real socket, with real TLS and a real spool, replies and accepted mail are the written ones."""
    runner.run(live.play(specimen.script, spool, tls))


@pytest.mark.parametrize("specimen", marked(AT_RELAY))
def test_what_a_device_says_arrives_upstream_as_it_must(specimen: Specimen, relays: Relays) -> None:
    """A relay with the session's own settings answers as written; the next hop hears what is written, to the octet."""
    check_at_relay(specimen, *relays(settings_of(specimen.script)))


def test_a_technician_can_be_the_device(relays: Relays) -> None:
    """`relay365 simulate device` against a relay that runs: exit 0, and the mail is on its way to whom it was told."""
    relay, sink = relays(Settings())
    command = ["simulate", "device", "megaraid", "--port", str(relay.port), "--to", "me@own.test"]
    done = subprocess.run(
        [sys.executable, "-m", "relay365", *command], capture_output=True, text=True, timeout=30.0
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    eventually(
        lambda: (
            [["me@own.test"]] == [one.recipients for one in sink.delivered if "me@own.test" in one.recipients]
        )
    )


def test_a_device_that_divides_its_mail_is_warned_of(relays: Relays) -> None:
    """B50: its page says it once, however often it happened, with what recipients see and what we would take whole."""
    relay, sink = relays(Settings())
    sink.delivered.clear()
    script = find("b50-canon-divided-sending").script
    for _ in range(2):
        assert [] == play(script, Playing("127.0.0.1", relay.port)).faults

    def warnings() -> list[str]:
        shown = relay.command("device", "show", "127.0.0.1").stdout.splitlines()
        return [line.split(None, 1)[1] for line in shown if line.strip().startswith("warning")]

    def told() -> dict[str, Any]:
        return dict(
            json.loads(relay.command("device", "show", "127.0.0.1", "--json").stdout)["divided"] or {}
        )

    words = "division is on; recipients see [1/5]; set the limit to 150 MB instead"
    eventually(lambda: [words] == warnings())
    eventually(lambda: told().get("messages", 0) >= 2)  # each session is kept when it has ended
    assert ("1/5", [words]) == (told()["piece"], warnings())


def test_everybody_behind_one_gateway_is_told(relays: Relays) -> None:
    """S32: three names from one address that is not ours are a warning, in the list of devices and once in the log."""
    specimen = find("s32-docker-mapped-address")
    relay, _ = relays(settings_of(specimen.script))
    for name in (b"copier", b"nas", b"ups", b"camera"):
        played = play(specimen.script, Playing("127.0.0.1", relay.port, words={b"container": name}))
        assert [] == played.faults

    eventually(lambda: "one address, 192.0.2.7" in relay.command("device", "list").stdout)
    log = relay.log_file.read_text()
    assert 1 == log.count("gateway.suspected address=192.0.2.7")


def test_whatever_is_accepted_is_seen_at_the_next_hop() -> None:
    """No session ends at the spool: each whose mail is taken is played to what arrives, or to who holds it."""
    assert {one.name for one in AT_RELAY} >= {
        one.name for one in ZOO if {end.word for end in one.script.ends} - {"nothing"}
    }


def test_every_row_has_a_session() -> None:
    """Both tables are covered: 55 rows of the first, 37 of the second, but for two that no device says.

    What was found beyond them has rows of its own, X1 and on.
    """
    beyond = {one.row for one in ZOO} - ROWS

    assert set(ELSEWHERE) == ROWS - {one.row for one in ZOO}
    assert {f"X{n}" for n in range(1, len(beyond) + 1)} == beyond


def test_each_session_says_who() -> None:
    """A device; the file's name begins with its row; no name is misspelt. (Its source: test_sources.)"""
    for one in ZOO:
        assert one.device, one.name
        assert one.name.startswith(f"{one.row[0].lower()}{int(one.row[1:]):02}-"), one.name
        assert {one.needs, one.without} <= {"", *BY_NAME}, one.name


def test_each_tolerance_is_shown_on_and_off() -> None:
    """For every tolerance there is a session that needs it and one that does without."""
    assert set(BY_NAME) == {one.needs for one in ZOO} - {""}
    assert set(BY_NAME) == {one.without for one in ZOO} - {""}


def test_the_page_shows_the_zoo() -> None:
    """docs/devices.md has the tables as `python -m devices.page` prints them."""
    text = (DOCS / "devices.md").read_text("utf-8")

    assert page.tolerances() in text
    assert page.rows() in text
    rows = {one.row for one in ZOO}
    said = f"{len(ZOO)} sessions for {len(rows & ROWS)} of the {len(ROWS)} rows"
    assert said in text
    assert f"X: {len(rows - ROWS)} that were found beyond them" in text


def test_the_comparison_is_about_the_sessions_of_today() -> None:
    """docs/devices.md compares as many sessions as can be compared, ours all good, and none that is gone."""
    text = (DOCS / "devices.md").read_text("utf-8")
    table = text.partition("| session | relay365 |")[2].partition("\n\n")[0]
    names = {one.name for one in comparable()}
    said = {line.split("|")[1].strip() for line in table.splitlines()[2:-1]}

    assert f"| all | {len(names)} of {len(names)} | " in table
    assert set() == said - names
