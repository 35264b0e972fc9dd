"""Old configurations for the tests of imports: a folder of Postfix's files, and what a reader said of them."""

from __future__ import annotations

import shutil
import socket
import struct
from pathlib import Path
from typing import Any

from relay365.config import Config, parse
from relay365.moving.draft import Draft, whole_file
from relay365.moving.finding import Finding, Findings
from relay365.moving.postfix.reading import read
from relay365.moving.remote import Wish

SAMPLES = Path(__file__).parents[1] / "golden" / "moving"
HEAD = "myhostname = relay.contoso.com\ncompatibility_level = 3.6\n"
SMTP = "smtp inet n - y - - smtpd\n"
HOP = "relayhost = [10.0.0.25]:25\n"


def folder(directory: Path, main: str, master: str = SMTP, **tables: str) -> Path:
    """A folder with main.cf, master.cf and tables by their file names."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {"main.cf": HEAD + main, "master.cf": master, **tables}
    for name, text in files.items():
        (directory / name).write_text(text, "utf-8")
    return directory


def postfix(
    directory: Path, main: str, master: str = SMTP, wish: Wish | None = None, **tables: str
) -> tuple[Draft, Findings]:
    """What is read of such a folder."""
    return read(folder(directory, main, master, **tables), wish or Wish())


def sample(name: str, directory: Path) -> Path:
    """A copy of one of the real-life samples."""
    return Path(shutil.copytree(SAMPLES / "postfix" / name, directory / name))


def config_of(draft: Draft) -> Config:
    """The draft as our own reader understands it; fails where it is none."""
    return parse(whole_file(draft, "2026-11-30"), "import")


def tables_of(draft: Draft, name: str) -> list[dict[str, Any]]:
    """The keys of every table of a name."""
    return [entry.keys for entry in draft.entries(name)]


def about(findings: Findings, word: str) -> list[Finding]:
    """The findings whose old text has a word."""
    return [one for one in findings if word in one.old]


def address_list(granted: list[list[str]], denied: list[list[str]] | None = None) -> bytes:
    """Octets of an IPSECLIST: each group is its mask and then its addresses."""
    denied = denied or []
    first = 24 + 8 + 20 * len(denied)
    names = first + 8 + 20 * len(granted)
    head, entries, body = names + 16, b"", b""
    for groups in (denied, granted):
        body += struct.pack("<2I", len(groups), sum(len(group) - 1 for group in groups))
        for group in groups:
            body += struct.pack("<5I", 2, len(group), 4, 0, (head + len(entries)) | 0x80000000)
            entries += b"".join(map(socket.inet_aton, group))
    offsets = [place | 0x80000000 for place in (24, first, names, names + 8)]
    return struct.pack("<6I", *offsets, 1, head) + body + bytes(16) + entries
