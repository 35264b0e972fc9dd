"""What a foreign client is asked to do, and what is known of each client; the clients themselves stand beside."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SENDER, RECIPIENT = "scan@contoso.com", "lena@fabrikam.com"
LOGIN, PASSWORD = "copier", "k3y-for-copiers"
DEADLINE_S = 60.0
HERE = Path(__file__).parent
INTEROP = HERE.parent

MODES = {
    "plain": ("", ""),
    "plain-login": ("", "LOGIN"),
    "plain-plain": ("", "PLAIN"),
    "starttls": ("starttls", ""),
    "starttls-login": ("starttls", "LOGIN"),
    "starttls-plain": ("starttls", "PLAIN"),
    "implicit": ("implicit", ""),
    "implicit-login": ("implicit", "LOGIN"),
    "implicit-plain": ("implicit", "PLAIN"),
}
"""Mode -> (how it is secured, how it logs in)."""
ALL = frozenset(MODES)
PLAIN_ONLY = frozenset(one for one in MODES if not one.endswith("-login"))
LOGIN_ONLY = frozenset(one for one in MODES if not one.endswith("-plain"))


@dataclass(frozen=True)
class Order:
    """What to send, and how. tls: "", "starttls" or "implicit"; mechanism: "", "PLAIN" or "LOGIN".

    file holds a whole message with CRLF lines; a client that makes its messages itself takes subject, text and the
    file named attachment instead. folder is the client's own, workshop is kept for the whole run.
    """

    port: int
    file: Path
    ca_file: Path
    tls: str = ""
    mechanism: str = ""
    token: str = ""
    user: str = LOGIN
    sender: str = SENDER
    subject: str = ""
    text: str = ""
    attachment: Path = field(default_factory=Path)
    workshop: Path = field(default_factory=Path)

    @property
    def folder(self) -> Path:
        return self.file.parent

    def environ(self) -> dict[str, str]:
        """The order as the programs under sources/ read it."""
        return {
            "ORDER_PORT": str(self.port), "ORDER_TLS": self.tls, "ORDER_MECHANISM": self.mechanism,
            "ORDER_CA": str(self.ca_file), "ORDER_USER": self.user, "ORDER_PASSWORD": PASSWORD,
            "ORDER_FROM": self.sender, "ORDER_TO": RECIPIENT, "ORDER_SUBJECT": self.subject, "ORDER_TEXT": self.text,
            "ORDER_FILE": str(self.file), "ORDER_ATTACHMENT": str(self.attachment),
        }  # fmt: skip


@dataclass(frozen=True)
class Client:
    """A client: how to send with it, what must be there for that, and what it can.

    keeps says how much of an order stays what it was: "octets" (the whole file), "end" (the whole file behind header
    fields of the client's own), "message" (sender, recipient, subject, text and attachment) or "text" (the same
    without the attachment).
    eager: it uses STARTTLS wherever it is offered, so plain means a listener without it.
    helo: it says HELO where it needs no extension. stuffs: it doubles every leading dot, and not only lone ones.
    """

    send: Callable[[Order], None]
    needs: tuple[str, ...] = ()
    modes: frozenset[str] = ALL
    keeps: str = "octets"
    eager: bool = False
    helo: bool = False
    stuffs: bool = True


def run(arguments: list[str], stdin: bytes = b"", env: dict[str, str] | None = None) -> str:
    """Run a client and give what it said; its failure is the test's failure."""
    result = subprocess.run(
        arguments, input=stdin, capture_output=True, timeout=DEADLINE_S, env={**os.environ, **(env or {})}
    )
    said = (result.stdout + result.stderr).decode("utf-8", "replace")
    assert result.returncode == 0, said[-3000:]
    return said


@cache
def missing(need: str) -> bool:
    """Whether something is not on this machine: a program, perl:MODULE, ruby:LIBRARY, a path, or root.

    A path is below tests/interop where it does not begin with a slash.
    """
    if need == "root":
        return os.geteuid() != 0
    kind, _, name = need.partition(":")
    if kind in ("perl", "ruby") and name:
        ask = ["perl", f"-M{name}", "-e", "1"] if kind == "perl" else ["ruby", "-e", f"require '{name}'"]
        return shutil.which(kind) is None or subprocess.run(ask, capture_output=True).returncode != 0
    return not (INTEROP / need).exists() if "/" in need else shutil.which(need) is None
