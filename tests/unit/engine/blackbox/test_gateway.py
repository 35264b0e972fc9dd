"""Whether everybody came by one address, and that it is said once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from relay365.engine.blackbox.archive import Archive
from relay365.engine.blackbox.gateway import Gateway, Teller, gateway_in, gateway_of


def client(name: str, address: str = "172.17.0.1", **more: Any) -> dict[str, Any]:
    return {"client": f"device-{name}", "address": address, "names": [name], "sessions": [], **more}


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        ([], None),
        ([client("a"), client("b")], None),
        ([client("a"), client("b"), client("c")], Gateway("172.17.0.1", ("a", "b", "c"))),
        ([{"address": "172.17.0.1", "names": ["c", "a", "b"]}], Gateway("172.17.0.1", ("a", "b", "c"))),
        ([client("a"), client("b"), client("c"), client("d", "172.17.0.9")], None),
        ([client(name, "127.0.0.1") for name in "abc"], None),
        ([client(name, "::1") for name in "abc"], None),
        ([client(name, "") for name in "abc"], None),
        ([client("a"), {"address": "172.17.0.1"}], None),
    ],
)
def test_a_gateway_is_one_address_with_several_names(
    clients: list[dict[str, Any]], expected: Gateway | None
) -> None:
    """Not our own host, whose programs have names of their own; not where anybody came from elsewhere."""
    assert expected == gateway_of(clients)


def test_an_archive_of_many_is_not_read_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two addresses are enough to know; a file without an address is none that everybody came by."""
    archive = Archive(tmp_path)
    for n in range(30):
        archive.write(f"address-{n}", client(f"n{n}", f"192.168.10.{n}"))
    read, keys = Archive.read, []
    monkeypatch.setattr(Archive, "read", lambda self, key: keys.append(key) or read(self, key))

    assert None is gateway_in(archive)
    assert 2 == len(keys)
    archive = Archive(tmp_path / "other")
    for name in "abc":
        archive.write(f"device-{name}", client(name))
    assert Gateway("172.17.0.1", ("a", "b", "c")) == gateway_in(archive)
    archive.write("device-d", {"sessions": []})
    assert None is gateway_in(archive)


def test_its_words_say_what_why_and_do() -> None:
    """The address, some of the names, and the two ways out."""
    what, why, do = Gateway("172.17.0.1", tuple("abcdefg")).words

    assert ("one address, 172.17.0.1", "7 names (a, b, c, d, e)") == (what[-23:], why[:23])
    assert "proxy_from" in do


def test_it_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When the third name has come, and never again."""
    archive = Archive(tmp_path)
    teller = Teller(archive)
    for name in "abcd":
        archive.write(f"device-{name}", client(name))
        teller.wrote(client(name))

    assert ["gateway.suspected address=172.17.0.1 names='a,b,c'"] == caplog.messages


def test_what_the_archive_knows_from_before_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Since the start only one address was heard, and others before it: nothing is suspected."""
    archive = Archive(tmp_path)
    archive.write("device-z", client("z", "192.168.10.9"))
    teller = Teller(archive)
    for name in "abc":
        archive.write(f"device-{name}", client(name))
        teller.wrote(client(name))

    assert [] == caplog.messages


def test_a_disk_that_fails_is_said_once_until_it_is_well(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """No mail depends on it."""
    caplog.set_level(logging.INFO)
    teller = Teller(Archive(tmp_path))
    teller.failed(OSError("full"))
    teller.failed(OSError("full"))
    teller.is_well()
    teller.failed(OSError("gone"))

    assert ["blackbox.failed reason=full", "blackbox.failed reason=gone"] == caplog.messages
