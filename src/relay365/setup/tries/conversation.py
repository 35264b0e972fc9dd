"""One SMTP conversation of a try: with STARTTLS always, and never a content.

The standard library's client, and not the relay's own: a try must not agree with a fault of ours. It blocks; every
step has a deadline. (RFC 5321 3.3, 4.1.1.5; RFC 3207)
"""

from __future__ import annotations

import base64
import smtplib
import ssl
from types import TracebackType
from typing import Self

STEP_S = 30.0


class Refused(Exception):
    """The remote said no at a step; text: its whole reply with the code."""

    def __init__(self, step: str, text: str) -> None:
        self.step, self.text = step, text
        super().__init__(f"{step}: {text}")


class Conversation:
    """A session with a remote, as a context. Entering connects, greets and secures it.

    Entering raises Refused, OSError (ssl.SSLError is one) and smtplib.SMTPException.
    """

    def __init__(self, host: str, port: int, helo: str, context: ssl.SSLContext, source: str = "") -> None:
        self._host, self._port, self._helo, self._context = host, port, helo, context
        self._source = (source, 0) if source else None
        self._client = smtplib.SMTP(timeout=STEP_S, local_hostname=helo, source_address=self._source)
        self.tls = ""

    def __enter__(self) -> Self:
        self._expect("greeting", self._client.connect(self._host, self._port))
        self._client._host = self._host  # type: ignore[attr-defined]  # the name that starttls() verifies
        self._expect("EHLO", self._client.ehlo())
        if not self._client.has_extn("starttls"):
            raise Refused("STARTTLS", f"{self._host} does not offer STARTTLS")
        self._expect("STARTTLS", self._client.starttls(context=self._context))
        self._expect("EHLO", self._client.ehlo())
        cipher = getattr(self._client.sock, "version", None)
        self.tls = str(cipher()) if cipher is not None else ""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            self._client.quit()
        except (OSError, smtplib.SMTPException):
            self._client.close()

    def sign_in(self, mailbox: str, token: str) -> str:
        """AUTH XOAUTH2; gives the reply, raises Refused."""
        words = base64.b64encode(f"user={mailbox}\x01auth=Bearer {token}\x01\x01".encode()).decode("ascii")
        if "XOAUTH2" not in self._client.esmtp_features.get("auth", "").upper():
            raise Refused("AUTH", f"{self._host} does not offer AUTH XOAUTH2")
        return self._expect("AUTH", self._client.docmd("AUTH", f"XOAUTH2 {words}"))

    def envelope(self, sender: str, recipient: str) -> str:
        """MAIL and RCPT, then RSET: nothing is sent. Gives the reply to RCPT, raises Refused."""
        self._expect("MAIL", self._client.docmd("MAIL", f"FROM:<{sender}>"))
        try:
            return self._expect("RCPT", self._client.docmd("RCPT", f"TO:<{recipient}>"))
        finally:
            self._client.docmd("RSET")

    def _expect(self, step: str, reply: tuple[int, bytes]) -> str:
        code, text = reply
        words = f"{code} {' '.join(text.decode('utf-8', 'replace').split())}"
        if code // 100 != 2:
            raise Refused(step, words)
        return words
