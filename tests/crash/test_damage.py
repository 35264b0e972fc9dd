"""A damaged spool: it starts or refuses in plain words, good mail is delivered, the damaged item is held and shown."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from crash.scene import NOWHERE, OWN, SHARED, SMALL, Device, arrived, config, shown, states
from e2e.house import Relay, Sink, eventually


def _fill(directory: Path) -> Device:
    """A stopped relay with mail of each kind that nobody has taken."""
    device = Device()
    with Relay(directory, config(NOWHERE)) as relay:
        for name, size in (("one", OWN), ("two", OWN), ("three", OWN), ("four", SHARED), ("five", SMALL)):
            assert 250 == device.send(relay, name, size)[0]
        assert relay.stop() == 0
    return device


def _own_segments(directory: Path) -> list[Path]:
    return sorted((directory / "data" / "segments").glob("*-own-*.seg"))


def _flip(file: Path) -> None:
    octets = bytearray(file.read_bytes())
    octets[len(octets) // 2] ^= 0x01
    file.write_bytes(octets)


def test_good_mail_passes_the_damaged(tmp_path: Path) -> None:
    """One segment cut short, one bit flipped in another, strangers in the folder: three arrive, two are held."""
    device = _fill(tmp_path)
    one, two, _ = _own_segments(tmp_path)
    one.write_bytes(one.read_bytes()[:700_000])
    _flip(two)
    stranger = tmp_path / "data" / "segments" / "holiday.jpg"
    stranger.write_bytes(b"\xff\xd8")
    with Sink() as sink, Relay(tmp_path, config(sink.address)) as relay:
        eventually(lambda: {"three", "four", "five"} == set(arrived(sink)))
        eventually(lambda: 2 == states(tmp_path).count("held"))
        truncated, flipped = (shown(relay, device.accepted[name]) for name in ("one", "two"))
        assert "early" in truncated["damaged"]
        assert "wrong checksum" in flipped["damaged"]
        assert "message.damaged" in [event["name"] for event in flipped["events"]]
        assert 250 == device.send(relay, "six", OWN)[0]
        eventually(lambda: "six" in arrived(sink))
        assert relay.stop() == 0

    assert stranger.exists()
    assert {one, two} == set(_own_segments(tmp_path))
    assert "holiday.jpg" in relay.log_file.read_text()
    assert 4 == len(arrived(sink))


def _newer(file: Path) -> None:
    connection = apsw.Connection(str(file))
    connection.execute("PRAGMA user_version=99")
    connection.close()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_newer, "has schema 99, this relay365 knows schemas up to"),
        (lambda file: file.write_bytes(b""), "spool.db is empty, yet"),
        (lambda file: file.write_bytes(b"\x17" * 100_000), "spool.db is damaged"),
    ],
    ids=["newer", "empty", "garbage"],
)
def test_a_database_that_cannot_be_used_is_refused(tmp_path: Path, damage: object, words: str) -> None:
    """Exit 1 and three lines that say what to do; not one octet of what is left is touched."""
    _fill(tmp_path)
    file = tmp_path / "data" / "spool.db"
    assert callable(damage)
    damage(file)
    before = {path.name: path.read_bytes() for path in (file, *_own_segments(tmp_path))}
    result = Relay(tmp_path, config(NOWHERE)).command("run")

    assert 1 == result.returncode
    assert words in result.stderr
    assert ["what: ", "why:  ", "do:   "] == [line[:6] for line in result.stderr.splitlines()[-3:]]
    assert before == {path.name: path.read_bytes() for path in (file, *_own_segments(tmp_path))}
