"""The files of the black box, and the order to learn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from relay365.engine.blackbox import archive as archive_module
from relay365.engine.blackbox.archive import Archive, Order, key_of

CLIENT = {"client": "device-ups", "sessions": []}


def test_a_client_is_written_and_read(tmp_path: Path) -> None:
    """As a whole, readable by this user only, with nothing left beside it."""
    archive = Archive(tmp_path)
    archive.write("device-ups", {"client": "x", "sessions": []})
    archive.write("device-ups", CLIENT)
    (file,) = (tmp_path / "sessions").iterdir()

    assert CLIENT == archive.read("device-ups")
    assert ("device-ups.json", 0o600) == (file.name, file.stat().st_mode & 0o777)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sessions": 1}', "\udcff"])
def test_a_file_that_is_damaged_is_nothing(tmp_path: Path, text: str) -> None:
    """The commands and the service go on; the next session replaces it."""
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "device-x.json").write_bytes(text.encode("utf-8", "surrogateescape"))

    assert {} == Archive(tmp_path).read("device-x")
    assert [] == Archive(tmp_path).all()


def test_nothing_was_heard(tmp_path: Path) -> None:
    """Before the first session there is no folder, and that is no error."""
    archive = Archive(tmp_path)
    archive.prune()

    assert ({}, {}, [], None) == (archive.stamps(), archive.read("device-x"), archive.all(), archive.order())


def test_all_clients_come_with_the_last_first(tmp_path: Path) -> None:
    """By when they were written."""
    archive = Archive(tmp_path)
    for n, key in enumerate(("device-b", "device-a", "device-c")):
        archive.write(key, {"client": key, "sessions": []})
        os.utime(tmp_path / "sessions" / f"{key}.json", ns=(n, n))

    assert ["device-c", "device-a", "device-b"] == [client["client"] for client in archive.all()]


def test_only_so_many_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were written last."""
    monkeypatch.setattr(archive_module, "MOST_FILES", 2)
    archive = Archive(tmp_path)
    for n, key in enumerate(("device-a", "device-b", "device-c")):
        archive.write(key, CLIENT)
        os.utime(tmp_path / "sessions" / f"{key}.json", ns=(n, n))
    archive.prune()

    assert {"device-b", "device-c"} == set(archive.stamps())


@pytest.mark.parametrize(
    ("device", "address", "key"),
    [
        ("ups", "192.168.10.31", "device-ups"),
        ("", "192.168.10.31", "address-192.168.10.31"),
        ("", "fe80::1%eth0", "address-fe80__1_eth0"),
        ("", "../../x", "address-....x".replace("....", ".._.._")),
        ("", "", "address-none"),
    ],
)
def test_a_client_has_a_name_that_is_a_file_name(device: str, address: str, key: str) -> None:
    """A device and an address never share one, and no address leaves the folder."""
    assert key == key_of(device, address)


def test_an_order_is_given_and_found(tmp_path: Path) -> None:
    """By another process; a file that says something else is none."""
    archive = Archive(tmp_path)
    archive.give_order(Order("device-ups", 10.0, 20.0))
    assert Order("device-ups", 10.0, 20.0) == archive.order()
    (tmp_path / "learn.json").write_text('{"client": "x", "began_at": "soon"}', "utf-8")

    assert archive.order() is None
