"""`relay365 import mails`: what the relay took is moved away, what it refused stays, and why is said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller


class Taker:
    """Refuses one recipient, takes all else."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address.startswith("gone@"):
            return "550 5.1.1 nobody"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 2.6.0 queued as 4TQ921"


@pytest.fixture
def taker(desk: Any) -> Iterator[Taker]:
    """A server at the address of the desk's listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    taker = Taker()
    controller = Controller(taker, hostname="127.0.0.1", port=port)
    controller.start()
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text().replace("127.0.0.1:2525", f"127.0.0.1:{port}"))
    yield taker
    controller.stop()


def _fill(desk: Any, **files: str) -> None:
    (desk.directory / "pickup").mkdir()
    for name, text in files.items():
        (desk.directory / "pickup" / f"{name}.eml").write_text(text)


def test_what_is_taken_goes_once(desk: Any, taker: Taker) -> None:
    """It is moved away; the second run finds nothing. What was refused, or has no envelope, stays: exit 1."""
    _fill(
        desk, a="x-sender: s@x.org\nx-receiver: r@x.org\n\nhi\n", b="x-sender: s@x.org\nx-receiver: gone@x.org\n\nhi\n",
        c="From: s@x.org\n\nhi\n",
    )  # fmt: skip
    first = desk.objects("import", "mails", "pickup")
    second = desk.run("import", "mails", "pickup")

    assert [("a.eml", True), ("b.eml", False), ("c.eml", False)] == [
        (one["file"], one["taken"]) for one in first
    ]
    assert ["250 2.6.0 queued as 4TQ921", "550 5.1.1 nobody"] == [one["text"] for one in first[:2]]
    assert "send-test --eml" in first[2]["text"]
    assert [("s@x.org", ["r@x.org"], b"\r\nhi\r\n")] == taker.taken
    assert ["a.eml"] == [one.name for one in (desk.directory / "pickup/imported").iterdir()]
    assert (1, "0 of 2 handed over; relay365 queue list shows what waits") == (
        second.exit_code, second.stdout.splitlines()[-1],
    )  # fmt: skip


def test_without_a_relay_nothing_is_moved(desk: Any) -> None:
    """Exit 3, in three lines."""
    _fill(desk, a="x-sender: s@x.org\nx-receiver: r@x.org\n\nhi\n")
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text().replace("127.0.0.1:2525", "127.0.0.1:1"))
    done = desk.run("import", "mails", "pickup")

    assert (3, True) == (done.exit_code, (desk.directory / "pickup/a.eml").exists())
    assert ["what", "why", "do"] == [line.partition(":")[0] for line in done.stderr.splitlines()]


def test_a_listener_is_needed(desk: Any) -> None:
    """One that asks for a login cannot be used: exit 2."""
    _fill(desk)
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text().replace('25"\n[[allow]]', '25"\nrequire_auth = true\n[[allow]]'))

    assert 2 == desk.run("import", "mails", "pickup").exit_code
