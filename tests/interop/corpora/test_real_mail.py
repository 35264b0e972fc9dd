"""Mail that others collected because it is odd: what comes in goes out, octet for octet, but for what is documented.

The corpora are read where the machine has them and are no part of the project: the messages of the standard
library's own tests (Debian: libpython3.11-testsuite), and every .eml file that an installed package brings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import smtplib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients.order import INTEROP
from e2e.house import SMARTHOST, UNREPAIRED, Relay, Sink, eventually, without_trace
from e2e.microsoft import microsoft
from relay365.mail.headers import read_head

SENDER, RECIPIENT = "scan@contoso.com", "lena@fabrikam.com"
_DEBIAN = Path(f"/usr/lib/python{sys.version_info.major}.{sys.version_info.minor}/test/test_email/data")
_PLACES = (
    INTEROP / "node_modules", INTEROP / ".venv", Path("/usr/share/perl5"), Path("/usr/share/php"),
    Path("/usr/lib/ruby"), Path("/usr/share/doc"),
)  # fmt: skip
_LONE = re.compile(rb"\r\r\n|\r\n|\r|\n")
_MESSAGE_ID = re.compile(
    rb"^message-id[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*<[^<>\s]{1,250}>", re.IGNORECASE | re.MULTILINE
)


def _standard_library() -> list[Path]:
    """The test messages of this Python, or else of Debian's."""
    package = importlib.util.find_spec("test")
    folders = (
        [Path(one, "test_email/data") for one in (package.submodule_search_locations or [])]
        if package
        else []
    )
    found = (folder for folder in (*folders, _DEBIAN) if folder.is_dir())
    folder = next(found, None)
    return [] if folder is None else sorted(file for file in folder.glob("msg_*.txt"))


def _packages() -> list[Path]:
    """Mail that installed packages bring with them."""
    return sorted(
        file for place in _PLACES if place.is_dir() for file in place.rglob("*.eml") if file.is_file()
    )


CORPUS = [*_standard_library(), *_packages()]
FORMS = ("in CRLF lines", "as it lies there")
needs_corpus = pytest.mark.skipif(not CORPUS, reason="no corpus is here: see libpython3.11-testsuite")


def as_documented(octets: bytes) -> bytes:
    """What a content must be when it leaves: CRLF line ends only, and no NUL."""
    return _LONE.sub(b"\r\n", octets).replace(b"\0", b"")


@dataclass(frozen=True)
class Arrived:
    """A delivered content without what the relay put in front: its Received, and a Message-ID if it made one."""

    content: bytes
    made_id: bytes


def _arrived(content: bytes) -> Arrived:
    rest = without_trace(content)
    own = re.search(rb"^Message-ID: .*\r\n", content[: len(content) - len(rest)], re.MULTILINE)
    return Arrived(rest, own[0] if own else b"")


def _send_all(port: int, sender: str, form: str) -> Iterator[tuple[str, bytes]]:
    """Send the corpus in a form of FORMS; gives (name, what must arrive) for each."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("device.test")
        for file in CORPUS:
            octets = file.read_bytes()
            if form == "in CRLF lines":
                octets = _LONE.sub(b"\r\n", octets)
            octets += b"" if octets.endswith(b"\r\n") else b"\r\n"  # a final dot stands in a line of its own
            client.mail(sender)
            client.rcpt(RECIPIENT)
            assert (354, b"Start mail input; end with <CRLF>.<CRLF>") == client.docmd("DATA")
            client.send(_stuffed(octets))
            code, text = client.getreply()
            assert code == 250, (file.name, text)
            yield file.name, as_documented(octets)


def _stuffed(octets: bytes) -> bytes:
    """Mail data for the wire: only behind CRLF is a dot at the start of a line (RFC 5321 4.5.2)."""
    return (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def _check(wanted: dict[str, bytes], contents: list[bytes]) -> None:
    """Every message arrived once as documented, and got a Message-ID if and only if it had none."""
    by_digest = {hashlib.sha256(one.content).digest(): one for one in map(_arrived, contents)}
    damaged = [name for name, octets in wanted.items() if hashlib.sha256(octets).digest() not in by_digest]
    assert [] == damaged
    assert len(wanted) == len(contents)
    for name, octets in wanted.items():
        head = octets.partition(b"\r\n\r\n")[0]
        arrived = by_digest[hashlib.sha256(octets).digest()]
        assert (name, _MESSAGE_ID.search(head) is None) == (name, bool(arrived.made_id))


@needs_corpus
@pytest.mark.parametrize("form", FORMS)
def test_real_mail_arrives_at_a_smart_host(form: str, tmp_path: Path) -> None:
    """Each message arrives once, unchanged but for line ends, NUL, our trace and a missing Message-ID."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address) + UNREPAIRED) as relay:
        wanted = dict(_send_all(relay.port, SENDER, form))
        eventually(lambda: len(sink.delivered) >= len(wanted))

    _check(wanted, [one.content for one in sink.delivered])


@needs_corpus
def test_repairs_touch_no_body_that_can_travel(tmp_path: Path) -> None:
    """With all repairs on, each message arrives once, and a body without long lines leaves as it came."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        wanted = dict(_send_all(relay.port, SENDER, FORMS[0]))
        eventually(lambda: len(sink.delivered) >= len(wanted))
    arrived = {hashlib.sha256(_body(one.content)).digest() for one in sink.delivered}
    plain = {name: octets for name, octets in wanted.items() if _can_travel(octets)}

    assert len(wanted) == len(sink.delivered)
    assert [] == [n for n, octets in plain.items() if hashlib.sha256(_body(octets)).digest() not in arrived]
    assert len(plain) >= len(wanted) // 2


def _body(content: bytes) -> bytes:
    return content.partition(b"\r\n\r\n")[2]


def _can_travel(octets: bytes) -> bool:
    """A header that ends where its body begins, and nothing behind it that wants repair."""
    head, empty_line, body = octets.partition(b"\r\n\r\n")
    lines = re.sub(rb"\r\n[ \t]", b" ", head).split(b"\r\n")
    is_header = all(re.match(rb"[!-9;-~]+[ \t]*:", line) for line in lines)
    return is_header and bool(empty_line) and body.isascii() and max(map(len, body.split(b"\r\n"))) <= 998


@needs_corpus
def test_real_mail_arrives_at_microsoft(tmp_path: Path) -> None:
    """The same corpora arrive through XOAUTH2 submission, from a mailbox that may send as each author."""
    with microsoft(tmp_path) as cloud:
        authors = {read_head(file.read_bytes().replace(b"\n", b"\r\n")).header_from for file in CORPUS} - {""}
        change = {"send_as": sorted(authors), "limits": {"per_minute": 1000, "recipients_per_day": 100_000}}
        cloud.control.change(f"/mailboxes/{cloud.mailbox}", **change)
        secret = f'secret = {{ file = "{cloud.facts["secret_file"]}" }}'
        with cloud.relay(tmp_path / "relay", route=f"{secret}\nper_minute = 1000", more=UNREPAIRED) as relay:
            wanted = dict(_send_all(relay.port, cloud.mailbox, FORMS[0]))
            listed = eventually(lambda: _at_least(cloud.control.messages(), len(wanted)))
        contents = [cloud.control.content(int(one["number"])) for one in listed]

    _check(wanted, contents)


def _at_least(messages: list[dict[str, Any]], n: int) -> list[dict[str, Any]]:
    return messages if len(messages) >= n else []
