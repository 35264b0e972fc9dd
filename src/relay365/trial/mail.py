"""Mail as devices and applications write it: plain, HTML, 8-bit, attachments, many recipients. Deterministic by number.

Contents are CRLF lines, as they stand behind DATA before dots are stuffed; each has a Message-ID that names its number.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial

from relay365.mail.headers import date_time

NEAR_S = 120.0

_DOMAIN = "device.example"


@dataclass(frozen=True, slots=True)
class Sample:
    """One message to send. device: who would send it; body: BODY parameter of MAIL (RFC 6152)."""

    n: int
    device: str
    title: str
    reverse_path: str
    forward_paths: tuple[str, ...]
    content: bytes
    body: str = "7BIT"

    @property
    def message_id(self) -> str:
        """Its Message-ID with angle brackets."""
        return f"<demo-{self.n}@{_DOMAIN}>"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of message; {n} in addresses and header lines becomes the message's number."""

    device: str
    title: str
    to: tuple[str, ...]
    text: Callable[[int], bytes]
    head: str = ""
    body: str = "7BIT"


def variety(n_messages: int, sender: str, at: float = 1_795_600_000.0) -> list[Sample]:
    """n messages of all kinds, dated at an instant; the kinds repeat, numbers and contents do not."""
    return [_build(_KINDS[n % len(_KINDS)], n, sender, date_time(at)) for n in range(n_messages)]


def sha256_without_trace(content: bytes) -> str:
    """The hash of a content without what a relay put in front."""
    return hashlib.sha256(without_trace(content)).hexdigest()


def without_trace(content: bytes) -> bytes:
    """A content without the Received field in front of it (RFC 5321 4.4), and the fields that this relay added there.

    An added field shows by its value: a bare author, the instant and the id of the Received field, nobody.
    """
    trace = _TRACE.match(content)
    if trace is None:  # of another relay, which tells otherwise what it adds
        return _FOREIGN_TRACE.sub(b"", content, count=1)
    at = trace.end()
    for added in (_AUTHOR, _DATE, _TO):
        found = added.match(content, at)
        if found is not None and (added is not _DATE or _are_near(found[1], trace[2])):
            at = found.end()
    own_id = re.compile(rb"Message-ID: <\d+\." + trace[1] + rb"@[^<>\s]+>\r\n").match(content, at)
    return content[own_id.end() if own_id is not None else at :]


_TRACE = re.compile(
    rb"Received: (?:from [^\r\n]*\r\n\t)?by [^\r\n]* id (\w+);?(?:\r\n\t[^\r\n]*)*\r\n\t([^\r\n]+)\r\n(?![ \t])"
)
_DATE = re.compile(rb"Date: ([^\r\n]+)\r\n")
_TO = re.compile(rb"To: undisclosed-recipients:;\r\n")
_FOREIGN_TRACE = re.compile(rb"\AReceived: .*?\r\n(?![ \t])", re.DOTALL)
_AUTHOR = re.compile(rb"From: <[^<>\r\n]+>\r\n")


def _are_near(one: bytes, other: bytes) -> bool:
    """Whether two dates are of one message: it is repaired a moment before it is stored."""
    try:
        instants = [parsedate_to_datetime(text.decode("ascii")).timestamp() for text in (one, other)]
    except (ValueError, UnicodeDecodeError):
        return False
    return abs(instants[0] - instants[1]) <= NEAR_S


def _build(kind: _Kind, n: int, sender: str, date: str) -> Sample:
    to = tuple(address.format(n=n) for address in kind.to)
    head = (
        f"From: {kind.device} <{sender}>\r\nTo: {', '.join(to)}\r\nSubject: {kind.device} {n}\r\n"
        f"Date: {date}\r\nMessage-ID: <demo-{n}@{_DOMAIN}>\r\n{kind.head.format(n=n)}\r\n"
    )
    return Sample(n, kind.device, kind.title, sender, to, head.encode() + kind.text(n), kind.body)


def _scan(n: int, size_octets: int) -> bytes:
    """The parts of a scan: noise in base64, as large as a PDF of this size becomes on the wire."""
    noise = hashlib.shake_128(f"scan {n}".encode()).digest(size_octets)
    before = (
        f"--scan{n}\r\nContent-Type: text/plain\r\n\r\nScan {n} from the copier.\r\n"
        f"--scan{n}\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="scan{n}.pdf"\r\n\r\n'
    )
    return (
        before.encode() + base64.encodebytes(noise).replace(b"\n", b"\r\n") + f"\r\n--scan{n}--\r\n".encode()
    )


_SCAN_HEAD = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="scan{n}"\r\n'
_UTF8_HEAD = (
    'MIME-Version: 1.0\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {how}\r\n'
)

_UPS = _Kind(
    "UPS", "plain text with lines of dots", ("ops@contoso.com",),
    lambda n: f"UPS {n} is on battery.\r\n.\r\n..two dots\r\nRuntime left: 14 minutes.\r\n".encode(),
)  # fmt: skip
_ERP = _Kind(
    "ERP", "HTML", ("accounts@contoso.com",),
    lambda n: f"<html><body><h1>Invoice {n}</h1><p>Total: 42,00 =E2=82=AC</p></body></html>\r\n".encode(),
    _UTF8_HEAD.format(kind="html", how="quoted-printable"),
)  # fmt: skip
_SENSOR = _Kind(
    "door sensor", "8-bit UTF-8", ("security@contoso.com",),
    lambda n: f"Türsensor {n}: geöffnet, bitte prüfen. 日本語\r\n".encode(),
    _UTF8_HEAD.format(kind="plain", how="8bit"), "8BITMIME",
)  # fmt: skip
_BACKUP = _Kind(
    "backup server", "six recipients",
    (*(f"team{i}@contoso.com" for i in range(5)), "partner{n}@fabrikam.com"),
    lambda n: f"Backup {n} finished.\r\n".encode(),
)  # fmt: skip
_PAGE, _BOOKLET, _BOOK = (
    _Kind(
        "copier",
        f"a scan of {title}",
        ("lena{n}@fabrikam.com",),
        partial(_scan, size_octets=size),
        _SCAN_HEAD,
    )
    for title, size in (("400 KB", 300_000), ("2.7 MB", 2_000_000), ("10 MB", 7_300_000))
)
_KINDS = (_UPS, _ERP, _SENSOR, _PAGE, _BACKUP, _UPS, _BOOKLET, _ERP, _BOOK, _SENSOR, _BACKUP, _UPS)
