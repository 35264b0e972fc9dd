"""Syslog over each kind of socket, read by a pattern of RFC 5424's grammar."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

from relay365.engine.alerts.channels.syslog_line import SyslogLine, line_of
from relay365.engine.alerts.telling import DIGEST, ChannelFailed, Message

ALERT = Message(
    "alert", "lane-held one", "critical", "relay.test", "route one waits", "'535 no\r\nway'", "relay365 explain x",
    1000.0, 4600.0,
)  # fmt: skip
RFC_5424 = re.compile(
    rb"<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) - (.*)"
)


def test_a_line_is_as_the_rfc_says() -> None:
    """Facility mail, severity critical (2 x 8 + 2); no line end can come in from outside."""
    found = RFC_5424.fullmatch(line_of(ALERT, 77))

    assert found is not None
    assert (b"18", b"relay.test", b"relay365", b"77", b"alert") == found.groups()[:5]
    assert found[6].startswith(
        b"[lane-held one] what: route one waits; why: '535 no way'; do: relay365 explain x"
    )


def test_text_that_is_not_ascii_has_its_mark() -> None:
    """6.4: UTF-8 begins with a BOM; plain text goes without, because many receivers show it."""
    words = Message("healed", "k", "info", "büro", "Gerät", "", "", 0.0, 0.0)
    found = RFC_5424.fullmatch(line_of(words, 1))

    assert found is not None
    assert found[6].startswith(b"\xef\xbb\xbf[k] what: healed: Ger\xc3\xa4t")
    assert (b"22", b"bro") == found.groups()[:2]


def test_udp() -> None:
    """One datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        asyncio.run(SyslogLine("syslog", f"udp://127.0.0.1:{receiver.getsockname()[1]}").tell(ALERT))

        assert RFC_5424.fullmatch(receiver.recv(4096))


def test_tcp_counts_octets() -> None:
    """RFC 6587 3.4.1: the length, a space, the message; two messages are two frames."""
    got = bytearray()

    async def go() -> None:
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.extend(await reader.read())
            writer.close()
            done.set()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await SyslogLine("syslog", f"tcp://127.0.0.1:{port}").tell(ALERT)
            await asyncio.wait_for(done.wait(), 5)

    asyncio.run(go())
    length, _, rest = bytes(got).partition(b" ")

    assert int(length) == len(rest)
    assert RFC_5424.fullmatch(rest)


def test_a_unix_socket(tmp_path: Path) -> None:
    """As /dev/log."""
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(5)
        asyncio.run(SyslogLine("syslog", f"unix://{path}").tell(ALERT))

        assert RFC_5424.fullmatch(receiver.recv(4096))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "unix:///nowhere/log"])
def test_nobody_there_is_a_failure(address: str) -> None:
    """With the address: it is no secret."""
    with pytest.raises(ChannelFailed, match=re.escape(address)):
        asyncio.run(SyslogLine("syslog", address).tell(ALERT))


def test_a_digest_is_not_for_syslog() -> None:
    """It would be one endless line; nobody is asked."""
    digest = Message(DIGEST, "digest", "info", "r", "the week", "", "", 0.0, 0.0, text="a\nb")
    result = asyncio.run(SyslogLine("syslog", "tcp://127.0.0.1:1").tell(digest))

    assert result is None
