"""Devices: threads that send one message after the other over one connection each, and keep the ledger."""

from __future__ import annotations

import itertools
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crash.scene import OWN, SHARED, SMALL
from torture.ledger import Ledger, mail

ANSWER_S = 30.0
SIZES = (SMALL, SMALL, SMALL, SMALL, 20_000, SHARED, SHARED, OWN)
"""How often which size occurs: inside the database, in a shared segment, in a segment of its own."""

_ENVELOPE = "MAIL FROM:<scan@contoso.com>\r\nRCPT TO:<{}>\r\nDATA\r\n"


class Connection:
    """One SMTP connection. Raises OSError when it breaks."""

    def __init__(self, port: int, ledger: Ledger) -> None:
        self._ledger = ledger
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_S)
        self._lines = self._socket.makefile("rb")
        try:
            self._reply()
            self._socket.sendall(b"EHLO device.test\r\n")
            self._reply()
        except OSError:
            self.close()
            raise

    def send(self, name: str, size: int) -> str:
        """Send one message; gives its last reply, as text."""
        return self.hand_in(name, mail(name, size))

    def hand_in(self, name: str, content: bytes, to: str = "lena@fabrikam.com") -> str:
        """Send a content under a name of the ledger; gives its last reply, as text."""
        self._ledger.sending(name, content)
        asked = time.monotonic()
        self._socket.sendall(_ENVELOPE.format(to).encode("ascii"))
        replies = [self._reply() for _ in range(3)]
        reply = next((r for r in replies if r[:3] not in ("250", "354")), "")
        if not reply:
            self._socket.sendall((b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
            asked = time.monotonic()
            reply = self._reply()
        self._ledger.answered(name, reply, time.monotonic() - asked)
        return reply

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def _reply(self) -> str:
        while True:
            line = self._lines.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError("the relay is gone")
            if line[3:4] != b"-":
                return line.decode("ascii", "replace").strip()


def send_one(port: int, ledger: Ledger, name: str, size: int) -> str:
    """One message on a connection of its own; gives its last reply, or "" when the relay was gone."""
    try:
        connection = Connection(port, ledger)
    except OSError:
        return ""
    try:
        return connection.send(name, size)
    except OSError:
        return ""
    finally:
        connection.close()


Manner = Callable[[Connection, random.Random, str], bool]
"""How a device sends the next of its mail, under a name; False when the relay refused it."""


def of_any_size(connection: Connection, dice: random.Random, name: str) -> bool:
    """One message."""
    return connection.send(name, dice.choice(SIZES)).startswith("250")


@contextmanager
def load(
    port: int,
    ledger: Ledger,
    label: str,
    manner: Manner = of_any_size,
    *,
    n_devices: int = 6,
    most: int = 2000,
) -> Iterator[None]:
    """Devices that send as fast as they can, at most so often each, until the relay is gone or refuses.

    At the end of the block the relay must be gone or going; what is on its way then is waited for.
    """
    over = threading.Event()

    def work(n: int) -> None:
        dice = random.Random(f"{label} {n}")
        try:
            connection = Connection(port, ledger)
        except OSError:
            return
        try:
            for i in itertools.islice(itertools.count(), most):
                if over.is_set() or not manner(connection, dice, f"{label}-{n}-{i}"):
                    return
        except OSError:
            return
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(n,)) for n in range(n_devices)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        over.set()
        for worker in workers:
            worker.join(ANSWER_S + 5)
