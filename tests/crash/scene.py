"""The scene of the crash tests: a relay, a sink, and a device that remembers what it was told."""

from __future__ import annotations

import json
import smtplib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from e2e.house import DEADLINE_S, SMARTHOST, Relay, Sink, eventually

NOWHERE = "127.0.0.1:1"
"""A next hop that refuses every connection: mail piles up."""

SMALL, SHARED, OWN = 2_000, 100_000, 1_500_000
"""Sizes in octets: inside the database, in a shared segment, in a segment of its own."""


def config(host: str, *, floor: int = 0, data: str = "./data") -> str:
    """A smart-host relay that tries again quickly."""
    text = SMARTHOST.format(host=host).replace("./data", data)
    return text + f'[queue]\nretry = ["1s"]\ndisk_floor = {floor}\n'


def mail(name: str, size: int = SMALL) -> bytes:
    """A message that can be told from others by its Message-ID, of about a size."""
    line = b"x" * 70 + b"\r\n"
    head = f"Message-ID: <{name}@device.test>\r\nSubject: {name}\r\n\r\n".encode()
    return head + line * ((size - len(head)) // len(line))


@dataclass
class Device:
    """Sends, and remembers what was answered: the only judge of what may not be lost."""

    accepted: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[str, int, str]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, relay: Relay, name: str, size: int = SMALL) -> tuple[int, str]:
        """One message on a connection of its own; gives the last reply, or (0, why) when the relay was gone."""
        try:
            with smtplib.SMTP("127.0.0.1", relay.port, "device.test", DEADLINE_S) as client:
                code, text = _transact(client, mail(name, size))
        except (OSError, smtplib.SMTPException) as error:
            self.unanswered.append(name)
            return 0, repr(error)
        with self._lock:
            if code == 250:
                self.accepted[name] = text.rpartition(" ")[2]
            else:
                self.refused.append((name, code, text))
        return code, text


def _transact(client: smtplib.SMTP, content: bytes) -> tuple[int, str]:
    client.ehlo("device.test")
    for step in (lambda: client.mail("scan@contoso.com"), lambda: client.rcpt("lena@fabrikam.com")):
        code, text = step()
        if code != 250:
            return code, text.decode()
    try:
        code, text = client.data(content)
    except smtplib.SMTPDataError as refused:  # to DATA itself, before the content
        code, text = refused.smtp_code, refused.smtp_error
    return code, text.decode() if isinstance(text, bytes) else text


def arrived(sink: Sink) -> list[str]:
    """The names of what the sink has taken, in order."""
    return [d.content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode() for d in sink.delivered]


def shown(relay: Relay, spool_id: str) -> dict[str, Any]:
    """`queue show` of one message."""
    result = relay.command("queue", "show", spool_id, "--json")
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def all_mail(relay: Relay) -> list[dict[str, Any]]:
    """`queue list --all`, oldest first."""
    result = relay.command("queue", "list", "--all", "--json")
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def states(directory: Path) -> list[str]:
    """The states of all recipients, read beside the relay: a command for each look would take too long."""
    connection = apsw.Connection(str(directory / "data" / "spool.db"), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5000)
    found = [state for (state,) in connection.execute("SELECT state FROM recipient ORDER BY seq, n")]
    connection.close()
    return found


def settled(directory: Path) -> None:
    """Wait until nothing waits any more."""
    eventually(lambda: not {"queued", "claimed"} & set(states(directory)))


def segments(directory: Path) -> list[str]:
    """The names of the segment files."""
    return sorted(file.name for file in (directory / "data" / "segments").glob("*.seg"))
