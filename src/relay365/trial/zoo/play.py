"""Plays a session of the zoo to a relay over a socket, as the device would, and says where the answers differ.

The replies are compared by their beginning, as the transcript has them; `by_class` compares the first digit only, for
servers that have other words.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from relay365.errors import Relay365Error
from relay365.smtp.sasl import encode, plain_response
from relay365.trial.zoo.script import WHOLE, Block, Script, is_reply

TIMEOUT_S = 20.0
SHOWN_OCTETS = 300


class ZooError(Relay365Error):
    """An event of a transcript went otherwise than it is written."""


@dataclass
class Played:
    """What came of it. faults: one line for each answer that was not the expected one; none, and it went as written.

    n_taken: how many contents were answered 250.
    """

    faults: list[str] = field(default_factory=list)
    n_taken: int = 0


@dataclass(frozen=True, slots=True)
class Playing:
    """How to play. say is called with ("C", text) and ("S", text) for each write and each reply.

    words: octets of the transcript -> what is said instead (addresses, credentials).
    """

    host: str
    port: int
    say: Callable[[str, str], None] = lambda side, text: None
    words: Mapping[bytes, bytes] = field(default_factory=dict)
    by_class: bool = False
    timeout_s: float = TIMEOUT_S


def credentials(name: str, password: str, *, instead_of: tuple[str, str]) -> dict[bytes, bytes]:
    """The words that let a session sign in with another login than the one in the zoo."""
    old_name, old_password = instead_of
    return {
        plain_response(old_name, old_password): plain_response(name, password),
        encode(old_name): encode(name),
        encode(old_password): encode(password),
    }


def play(script: Script, how: Playing) -> Played:
    """Play it on a connection of its own. Raises OSError where there is nobody to talk to."""
    played = Played()
    with contextlib.closing(_Device(how)) as device:
        for block in script.blocks:
            try:
                device.do(block.event)
                device.write(block.octets)
            except (OSError, ZooError) as error:
                played.faults.append(f"{block.event or 'write'}: {error}")
                break
            if not _hear(device, block, played):
                break
    return played


def _hear(device: _Device, block: Block, played: Played) -> bool:
    """Compare the replies to a write; False where it makes no sense to go on."""
    for mark, wanted in block.expected:
        reply = device.reply(one_line=mark not in WHOLE)
        if not reply:
            played.faults.append(f"expected {_text(wanted)!r}, and nothing came")
            return False
        if not device.is_right(mark, reply, wanted):
            played.faults.append(f"expected {_text(wanted)!r}, found {_text(reply)!r}")
            return False
        played.n_taken += device.is_in_content and reply.startswith(b"250")
        device.is_in_content = reply.startswith(b"354")
    return True


class _Device:
    """The socket of a device: it says what it is told and reads whole replies. It checks no certificate."""

    def __init__(self, how: Playing) -> None:
        self._how = how
        self.is_strict = not how.by_class
        self.is_in_content = False  # the last reply was 354, so the next one is to the final dot
        self._socket = socket.create_connection((how.host, how.port), how.timeout_s)
        self._lines = self._socket.makefile("rb")

    def do(self, event: str) -> None:
        """A handshake, a pause, or an end of what the device says."""
        word, _, kind = event.partition(" ")
        if event == "tls refused":
            self._expect_no_tls()
        elif event == "silence":
            self._expect_silence()
        elif event == "closed":
            self._expect_end()
        elif word == "tls":
            self._how.say("C", f"(TLS handshake {kind})".replace(" )", ")"))
            self._socket = client_context(kind).wrap_socket(self._socket, server_hostname=self._how.host)
            self._lines = self._socket.makefile("rb")
        elif word == "pause":
            self._how.say("C", f"(silent for {kind} s)")
            time.sleep(float(kind))
        elif word == "eof":
            self._socket.shutdown(socket.SHUT_WR)
        elif word == "gone":
            self.close()

    def _expect_no_tls(self) -> None:
        self._how.say("C", "(TLS handshake)")
        with contextlib.suppress(OSError):
            self._socket = client_context().wrap_socket(self._socket, server_hostname=self._how.host)
            raise ZooError("TLS came about, and should not")

    def _expect_silence(self) -> None:
        if heard := self.reply(one_line=True):
            raise ZooError(f"expected nothing in clear, found {_text(heard)!r}")

    def _expect_end(self) -> None:
        with contextlib.suppress(ConnectionError):
            if heard := self._lines.read(1):
                raise ZooError(
                    f"expected the end of the connection, found {_text(heard + self._lines.readline())!r}"
                )

    def write(self, octets: bytes) -> None:
        """Say it, with the words of this playing; a server that has closed may refuse it."""
        for old, new in self._how.words.items():
            octets = octets.replace(old, new)
        if octets:
            self._how.say("C", _text(octets))
            with contextlib.suppress(ConnectionError):
                self._socket.sendall(octets)

    def reply(self, *, one_line: bool) -> bytes:
        """A whole reply, or one line of it; b"" when the server is silent or gone."""
        said = b""
        try:
            while line := self._lines.readline(8192):
                said += line
                if one_line or line[3:4] != b"-":
                    break
        except OSError:
            return b""
        if said:
            self._how.say("S", _text(said))
        return said

    def is_right(self, mark: str, reply: bytes, wanted: bytes) -> bool:
        """Whether a reply is the one that the transcript has."""
        if not self.is_strict:
            return reply[:1] == wanted[:1] or {reply[:1], wanted[:1]} <= {b"4", b"5"}
        return is_reply(mark if mark in WHOLE else "*", wanted.removesuffix(b"\r\n"), reply)

    def close(self) -> None:
        """Go, without a word."""
        self._lines.close()
        self._socket.close()


def client_context(kind: str = "") -> ssl.SSLContext:
    """A device's TLS: "" what is usual, "rsa" TLS 1.2 with RSA key exchange only, "legacy" TLS 1.0."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if kind == "rsa":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-GCM-SHA256:AES256-SHA")
    elif kind == "legacy":
        with warnings.catch_warnings():  # that it is old is the point
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _text(octets: bytes) -> str:
    """Octets for people: control characters visible, long ones cut."""
    text = octets.removesuffix(b"\r\n").decode("utf-8", "backslashreplace")
    shown = text.replace("\r\n", "\n")
    shown = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in shown)
    return shown if len(shown) <= SHOWN_OCTETS else f"{shown[:SHOWN_OCTETS]}... ({len(octets)} octets)"
