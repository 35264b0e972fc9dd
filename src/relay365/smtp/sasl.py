"""SASL exchanges over SMTP, both sides: PLAIN (RFC 4616), LOGIN, XOAUTH2 (Microsoft: "Authenticate an IMAP, POP
or SMTP connection using OAuth", the SASL XOAUTH2 section). Decoded octets in and out; base64 is done here too.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

SHORTEST_SECRET = 6

_XOAUTH2 = re.compile(r"user=([^\x01]*)\x01auth=Bearer ([^\x01]+)\x01\x01", re.IGNORECASE)


class Base64Error(ValueError):
    """The response is not base64."""


class SaslError(ValueError):
    """The decoded response is not of the mechanism's form."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a finished exchange yields; the secret never appears in repr."""

    mechanism: str
    identity: str
    secret: str = field(repr=False)


def decode(response: bytes) -> str:
    """Base64 to text; "=" is the empty response (RFC 4954 4). Some devices send no padding or blanks around."""
    text = response.strip()
    if text == b"=":
        return ""
    try:
        octets = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise Base64Error("not base64") from error
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")  # old devices send passwords in their own 8-bit code page


def encode(text: str) -> bytes:
    """Text to base64."""
    return base64.b64encode(text.encode("utf-8"))


class ServerExchange:
    """One AUTH exchange seen from the server: begin() or an initial response, then step() until Credentials come."""

    def __init__(self, mechanism: str, xoauth2_prompt: str = "") -> None:
        self.mechanism = mechanism
        self._identity: str | None = None
        self._xoauth2_prompt = xoauth2_prompt

    def begin(self) -> str:
        """The text after the first `334 `. Printers know LOGIN's prompts by heart: these octets and no others."""
        return {"LOGIN": "VXNlcm5hbWU6", "PLAIN": ""}.get(self.mechanism, self._xoauth2_prompt)

    def step(self, response: bytes) -> str | Credentials:
        """Take one response: the text after the next `334 `, or the credentials. Raises Base64Error or SaslError."""
        text = decode(response)
        if self.mechanism == "PLAIN":
            return _plain(text)
        if self.mechanism == "XOAUTH2":
            return _xoauth2(text)
        if self._identity is None:
            self._identity = text
            return "UGFzc3dvcmQ6"
        return Credentials("LOGIN", self._identity, text)


def _plain(text: str) -> Credentials:
    """Without user and password it is what devices send that have a login switched on but none entered."""
    fields = text.split("\0")
    if len(fields) != 3 or (fields[2] and not fields[1]):
        raise SaslError("PLAIN needs authorization identity, user and password")
    if fields[0] not in ("", fields[1]):
        raise SaslError("PLAIN asks to act for another identity")
    return Credentials("PLAIN", fields[1], fields[2])


def _xoauth2(text: str) -> Credentials:
    found = _XOAUTH2.fullmatch(text)
    if found is None:
        raise SaslError("XOAUTH2 needs user, auth=Bearer and two final separators")
    return Credentials("XOAUTH2", found[1], found[2])


def xoauth2_response(mailbox: str, token: str) -> bytes:
    """The client's XOAUTH2 response in base64."""
    return encode(f"user={mailbox}\x01auth=Bearer {token}\x01\x01")


def plain_response(user: str, password: str) -> bytes:
    """The client's PLAIN response in base64, without an authorization identity."""
    return encode(f"\0{user}\0{password}")


def forms_of(secret: str, response: bytes) -> tuple[str, ...]:
    """How a secret can come back to us: in the response that carried it, alone in base64, and plain.

    A short one stays: it may be part of a word. The order is that in which to look: the longest first.
    """
    forms = (response.decode("ascii"), encode(secret).decode("ascii"), secret)
    return tuple(form for form in forms if len(form) >= SHORTEST_SECRET)
