"""Many clients in bounds: who is kept, what is written when, and what learning does."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from fakes.clock import FakeClock
from relay365.engine.blackbox import box as box_module
from relay365.engine.blackbox.archive import Archive, Order
from relay365.engine.blackbox.box import LOOK_S, SAFE, WRITE_SHARE, WRITES_AT_ONCE, BlackBox
from relay365.engine.blackbox.recording import HUNG_UP, Recording
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.tolerance import BY_NAME
from relay365.rules.client import Client

COPIER = Client("R3", "device copier", "copier", tolerances=frozenset({"no_brackets"}))
STRANGER = Client()


class Scene:
    """A box, its archive and its clock; meet() is a whole session."""

    def __init__(self, folder: Path, *, most_sessions: int = 3) -> None:
        self.clock = FakeClock()
        self.archive = Archive(folder)
        self.box = BlackBox(self.archive, self.clock, most_sessions=most_sessions)

    def come(
        self, client: Client = STRANGER, address: str = "192.0.2.7", port: int = 1
    ) -> tuple[Recording, Client]:
        one = self.box.begin()
        one.said(b"220 relay.test\r\n")
        return one, self.box.known(one, client, SubmitterFacts("lan", address, port, device=client.device))

    def go(self, one: Recording, *, n_accepted: int = 0) -> None:
        one.tally.n_accepted = n_accepted
        one.ends(HUNG_UP)
        self.box.end(one)

    def look(self) -> None:
        """One round of the writer."""
        asyncio.run(self.box.look())

    def close(self) -> None:
        """The service ends."""
        asyncio.run(self.box.close())

    def meet(self, client: Client = STRANGER, address: str = "192.0.2.7", *, n_accepted: int = 0) -> None:
        self.go(self.come(client, address)[0], n_accepted=n_accepted)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_session_stands_in_its_clients_file(scene: Scene) -> None:
    """By its device, else by its address; the last so many."""
    for _ in range(5):
        scene.meet(COPIER, n_accepted=1)
    scene.meet(address="192.0.2.9")
    scene.close()

    assert {"device-copier", "address-192.0.2.9"} == set(scene.archive.stamps())
    copier = scene.archive.read("device-copier")
    assert (5, 5, 3) == (copier["sessions_heard"], copier["messages"], len(copier["sessions"]))


def test_an_open_session_is_written_when_there_is_more_of_it(scene: Scene) -> None:
    """And not again while nothing is said."""
    one, _ = scene.come()
    scene.look()
    before = scene.archive.stamps()
    assert "still here" == scene.archive.read("address-192.0.2.7")["reading"]
    scene.look()
    assert before == scene.archive.stamps()
    one.said(b"250 OK\r\n")
    scene.look()

    assert 2 == len(scene.archive.read("address-192.0.2.7")["sessions"][0]["lines"])
    scene.close()


def test_a_content_that_takes_minutes_is_written_while_it_comes(scene: Scene) -> None:
    """For `tail`, and whoever looks at the sessions of the device: a line a minute, although nothing else is said."""
    one, _ = scene.come()
    one.content_begins(0)
    seen = []
    for _ in range(130):
        one.heard(b"x" * 50, is_secret=False)
        scene.clock.pass_s(1.0)
        scene.look()
        lines = scene.archive.read("address-192.0.2.7")["sessions"][0]["lines"]
        seen.append([text for _, who, text in lines if who == "note"])

    assert ([], 1) == (seen[58], len(seen[60]))
    assert ["(the content goes on: 3000 octets in 60 s, 50 a second)"] == seen[60]
    assert 2 == len(seen[-1])
    scene.close()


def test_a_client_that_says_who_it_is_takes_its_session_along(scene: Scene) -> None:
    """What came by an address and logged in as a device is the device's; nothing stays under the address."""
    one, _ = scene.come()
    scene.box.known(one, COPIER, SubmitterFacts("lan", "192.0.2.7", device="copier"))
    scene.go(one)
    scene.close()

    assert {"device-copier"} == set(scene.archive.stamps())
    assert 1 == scene.archive.read("device-copier")["sessions_heard"]


def test_a_client_that_is_asked_for_twice_has_one_session(scene: Scene) -> None:
    """The gate is asked at connect, after HELO and after a login."""
    one, _ = scene.come(COPIER)
    scene.box.known(one, COPIER, SubmitterFacts("lan", "192.0.2.7", helo="x", device="copier"))
    scene.go(one)
    scene.close()

    assert 1 == scene.archive.read("device-copier")["sessions_heard"]


def test_a_scan_pushes_no_device_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers have room of their own; who has given a message, or is a device, is none."""
    monkeypatch.setattr(box_module, "MOST_STRANGERS", 2)
    scene.meet(COPIER)
    scene.meet(address="192.0.2.1", n_accepted=1)
    for n in range(10, 20):
        scene.meet(address=f"192.0.2.{n}")
    scene.close()

    assert {"device-copier", "address-192.0.2.1", "address-192.0.2.18", "address-192.0.2.19"} == set(
        scene.archive.stamps()
    )


def test_only_so_many_clients_are_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was heard least lately goes."""
    monkeypatch.setattr(box_module, "MOST_CLIENTS", 2)
    for name in ("a", "b", "a", "c"):
        scene.meet(Client("R1", "", name))
    scene.close()

    assert {"device-a", "device-c"} == set(scene.archive.stamps())


def test_few_files_are_written_at_once(scene: Scene) -> None:
    """The rest waits for the next second, and all of it is written at the end."""
    for n in range(WRITES_AT_ONCE + 5):
        scene.meet(address=f"192.0.2.{n}")
    scene.look()
    assert WRITES_AT_ONCE == len(scene.archive.stamps())
    scene.close()

    assert WRITES_AT_ONCE + 5 == len(scene.archive.stamps())


def test_writing_takes_little_of_a_second(scene: Scene) -> None:
    """Where a client takes long, the others wait for the next one; nobody is forgotten."""

    def slow(key: str, client: dict[str, Any]) -> None:
        scene.clock.pass_s(0.6 * WRITE_SHARE * LOOK_S)
        write(key, client)

    write, scene.archive.write = scene.archive.write, slow  # type: ignore[method-assign]
    for n in range(5):
        scene.meet(address=f"192.0.2.{n}")
    scene.look()
    assert 2 == len(scene.archive.stamps())
    scene.close()

    assert 5 == len(scene.archive.stamps())


def test_a_round_that_took_long_is_followed_by_a_long_pause(scene: Scene) -> None:
    """A busy client's file costs the loop its share and no more, however long it takes."""

    def slow(key: str, client: dict[str, Any]) -> None:
        scene.clock.pass_s(0.3)

    scene.archive.write = slow  # type: ignore[method-assign]
    scene.meet()
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    with patch("relay365.engine.blackbox.box.asyncio.sleep", pause), suppress(asyncio.CancelledError):
        asyncio.run(scene.box.run())
    assert [LOOK_S, pytest.approx(0.3 / WRITE_SHARE), LOOK_S] == pauses


def test_what_a_file_said_before_is_kept(tmp_path: Path) -> None:
    """The next service goes on with it."""
    for _ in range(2):
        scene = Scene(tmp_path)
        scene.meet(COPIER, n_accepted=1)
        scene.close()

    copier = scene.archive.read("device-copier")
    assert (2, 2) == (copier["messages"], len(copier["sessions"]))


def test_learning_loosens_what_is_safe_and_no_more(scene: Scene) -> None:
    """Only for the client that the order names, only while it stands."""
    scene.archive.give_order(Order("device-copier", scene.clock.now(), scene.clock.now() + 600))
    scene.look()
    one, loose = scene.come(COPIER)
    _, other = scene.come(STRANGER)

    assert COPIER.tolerances | SAFE == loose.tolerances
    assert one.is_learning
    assert STRANGER.tolerances == other.tolerances
    assert "bare_lf_ends_data" not in loose.tolerances
    scene.clock.pass_s(601)
    assert COPIER.tolerances == scene.come(COPIER)[1].tolerances
    scene.close()


def test_what_is_safe_has_no_price() -> None:
    """Every tolerance whose price is named stays off."""
    assert {""} == {BY_NAME[name].price for name in SAFE}
    assert {one.name for one in BY_NAME.values() if one.price}.isdisjoint(SAFE)


def test_a_disk_that_fails_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And the service goes on; when the disk is well again, so is the box."""
    scene = Scene(tmp_path)
    (tmp_path / "sessions").write_text("no folder", "utf-8")
    with caplog.at_level(logging.WARNING, "relay365.blackbox"):
        for _ in range(2):
            scene.meet(COPIER)
            scene.look()
    assert 1 == len(caplog.records)
    (tmp_path / "sessions").unlink()
    scene.meet(COPIER)
    scene.close()

    assert 3 == scene.archive.read("device-copier")["sessions_heard"]


def test_without_transcripts_nothing_is_written(tmp_path: Path) -> None:
    """sessions = 0."""
    scene = Scene(tmp_path, most_sessions=0)
    scene.meet(COPIER, n_accepted=1)
    scene.close()

    assert {} == scene.archive.stamps()


def test_a_session_that_nobody_knew_is_none(scene: Scene) -> None:
    """A connection that ended before anything was known of it leaves nothing."""
    scene.go(scene.box.begin())
    scene.close()

    assert {} == scene.archive.stamps()
