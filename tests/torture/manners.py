"""The devices of the soak: threads that do one thing after another, in manners drawn by lot, and keep the ledger."""

from __future__ import annotations

import itertools
import random
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from crash.scene import OWN, SHARED, SMALL
from e2e.house import Relay
from torture.device import ANSWER_S, Connection
from torture.ledger import Ledger, mail

USER, PASSWORD = "scanner", "correct horse"
SIZES = (SMALL,) * 10 + (20_000,) * 4 + (SHARED,) * 3 + (OWN,)
PAUSE_S = (0.1, 0.6)
_NONSENSE = (
    b"\x16\x03\x01\x02\x00\r\n",
    b"GET / HTTP/1.0\r\n",
    b"RCPT TO:<x@y.test>\r\n",
    b"DATA\r\n",
    b"a" * 3000 + b"\r\n",
)
_OVERSIZE = b"MAIL FROM:<scan@contoso.com> SIZE=999999999\r\n"


@dataclass(frozen=True)
class _Device:
    """One device of a company: what it needs for each of its acts."""

    company: Company
    relay: Relay
    dice: random.Random
    trust: ssl.SSLContext
    over: threading.Event
    names: Iterator[str]

    def act(self) -> None:
        """One thing, in a manner drawn by lot."""
        (manner,) = self.dice.choices(list(_MANNERS), list(_MANNERS.values()))
        try:
            manner(self)
        except (OSError, smtplib.SMTPException) as error:
            self.company.surprises.append(f"{manner.__name__}: {error!r}")

    def short(self) -> None:
        """A connection for one message."""
        self._plain(1)

    def long(self) -> None:
        """A connection for several, with pauses."""
        self._plain(self.dice.randrange(3, 9))

    def _plain(self, n_messages: int) -> None:
        connection = Connection(self.relay.port, self.company.ledger)
        try:
            for _ in range(n_messages):
                reply = connection.send(next(self.names), self.dice.choice(SIZES))
                self._expect(reply, "250")
                self.pause()
        finally:
            connection.close()

    def tls(self) -> None:
        """STARTTLS, verified, and mail."""
        with self._secured() as client:
            self._submit(client, self.company.ledger, "lena@fabrikam.com")

    def login(self) -> None:
        """STARTTLS, a login, and mail."""
        with self._secured() as client:
            client.login(USER, PASSWORD)
            self._submit(client, self.company.ledger, "lena@fabrikam.com")

    def wrong_password(self) -> None:
        """A login that must be refused: of another name, because too many lock name and address together."""
        with self._secured() as client, suppress(smtplib.SMTPAuthenticationError):
            client.login(f"not-{USER}", "wrong")
            self.company.surprises.append("a wrong password was taken")

    def nobody(self) -> None:
        """Mail that the next hop will refuse for good."""
        with self._greeted() as client:
            self._submit(client, self.company.undeliverable, "nobody@fabrikam.com")

    def unruly(self) -> None:
        """Nonsense, a message that is too large, and a hang-up inside a content; the relay may hang up first."""
        with socket.create_connection(("127.0.0.1", self.relay.port), ANSWER_S) as line, suppress(OSError):
            line.sendall(b"EHLO device.test\r\n" + self.dice.choice(_NONSENSE) + _OVERSIZE)
            line.recv(4096)
            line.sendall(b"MAIL FROM:<scan@contoso.com>\r\nRCPT TO:<lena@fabrikam.com>\r\nDATA\r\n")
            line.sendall(mail("half", self.dice.choice(SIZES)))

    def idle(self) -> None:
        """A session that says next to nothing."""
        with self._greeted() as client:
            self.over.wait(self.dice.uniform(1.0, 5.0))
            client.noop()

    def pause(self) -> None:
        """So that a load has a pace."""
        self.over.wait(self.dice.uniform(*PAUSE_S))

    @contextmanager
    def _greeted(self) -> Iterator[smtplib.SMTP]:
        with smtplib.SMTP("127.0.0.1", self.relay.port, "device.test", ANSWER_S) as client:
            client.ehlo()
            yield client

    @contextmanager
    def _secured(self) -> Iterator[smtplib.SMTP]:
        with self._greeted() as client:
            client.starttls(context=self.trust)
            client.ehlo()
            yield client

    def _submit(self, client: smtplib.SMTP, ledger: Ledger, to: str) -> None:
        name = next(self.names)
        content = mail(name, self.dice.choice(SIZES))
        ledger.sending(name, content)
        client.mail("scan@contoso.com")
        client.rcpt(to)
        asked = time.monotonic()
        code, text = client.data(content)
        ledger.answered(name, f"{code} {text.decode('ascii', 'replace')}", time.monotonic() - asked)
        self._expect(str(code), "250")

    def _expect(self, reply: str, code: str) -> None:
        if not reply.startswith(code):
            self.company.surprises.append(f"answered {reply!r}")


_MANNERS: dict[Callable[[_Device], None], int] = {
    _Device.short: 30, _Device.long: 20, _Device.tls: 15, _Device.login: 15, _Device.nobody: 5,
    _Device.wrong_password: 1, _Device.unruly: 8, _Device.idle: 6,
}  # fmt: skip
"""How often which manner is drawn."""


class Company:
    """Devices and what they were promised. undeliverable: mail that can only be reported; surprises: in words."""

    def __init__(self, seed: int) -> None:
        self.ledger, self.undeliverable = Ledger(), Ledger()
        self.surprises: list[str] = []
        self._seed = seed
        self._shifts = itertools.count()

    @contextmanager
    def at_work(self, relay: Relay, n_devices: int) -> Iterator[None]:
        """So many devices work while the block runs; when it is left, each has ended what it was doing."""
        over, shift = threading.Event(), next(self._shifts)
        trust = ssl.create_default_context(cafile=str(relay.ca_file))
        trust.check_hostname = False  # the certificate names the host, and the devices say an address

        def work(n: int) -> None:
            label = f"s{shift}-{n}"
            names = (f"{label}-{i}" for i in itertools.count())
            device = _Device(self, relay, random.Random(f"{self._seed} {label}"), trust, over, names)
            while not over.is_set():
                device.act()
                device.pause()

        workers = [threading.Thread(target=work, args=(n,)) for n in range(n_devices)]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            over.set()
            for worker in workers:
                worker.join(ANSWER_S * 2)
