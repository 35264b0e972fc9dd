"""One part of a message, as its head describes it: what it is, and how its body would have to be encoded.

Apart from the filter that walks through the parts, so that what is said about a part is thrown away with it.
(RFC 2045 5 and 6, RFC 2046 5)
"""

from __future__ import annotations

import re

from relay365.mail.repair.body.encoders import long_line
from relay365.mail.repair.fields import Draft, apply
from relay365.mail.repair.signed import kind_of
from relay365.mail.repair.words import parameters, text_of, unstructured

_BOUNDARY = re.compile(rb";\s*+boundary\s*+=\s*+(?:\"([^\"\r\n]{1,70}+)\"|([^\s;\"]{1,70}+))", re.IGNORECASE)
_ENCODINGS = {b"base64": "rewrapped", b"quoted-printable": "soft breaks"}
_IDENTITY = frozenset((b"", b"7bit", b"8bit", b"binary"))


class Part:
    """A head and what follows from it. head: without the empty line; is_root: it is the message's own.

    boundary: of a multipart that may be looked into, else b"". encoding: what its body would become, "" for never.
    """

    __slots__ = (
        "_line",
        "boundary",
        "draft",
        "encoding",
        "is_identity",
        "is_left",
        "is_root",
        "kind",
        "n_looked",
    )

    def __init__(self, head: bytes, *, is_root: bool) -> None:
        self.draft = Draft(head)
        self.is_root = is_root
        self.is_left = False
        self._line = b""
        content_type = self._value("content-type")
        kind = content_type.partition(b";")[0].strip().lower()
        self.kind = kind.decode("ascii", "replace") or "text/plain"
        encoding = self._value("content-transfer-encoding").partition(b";")[0].strip().lower()
        self.is_identity = encoding in _IDENTITY
        found = _BOUNDARY.search(content_type) if kind.startswith(b"multipart/") else None
        is_sealed = bool(kind_of(content_type)) or kind.startswith((b"message/", b"multipart/"))
        self.boundary = (found[1] or found[2]).rstrip() if found and not kind_of(content_type) else b""
        self.encoding = "" if is_sealed else self._encoding_for(encoding)

    def _value(self, name: str) -> bytes:
        field = self.draft.first(name)
        return field.value if field is not None else b""

    def _encoding_for(self, encoding: bytes) -> str:
        if not self.is_identity:
            return _ENCODINGS.get(encoding, "")
        return "quoted-printable" if self.kind.startswith("text/") else "base64"

    def encoding_for(self, body: bytes) -> str:
        """What this body must become, of which this is the beginning; "": it can travel as it is.

        Only base64 carries NUL safely; in a body that is encoded already a NUL means nothing (RFC 2045 6.7, 6.8).
        """
        if self.is_identity and self.encoding and b"\0" in body:
            return "base64"
        return self.encoding if long_line(body)[0] else ""

    def mend_names(self, charset: str) -> None:
        """Encode the raw octets of a part's own fields: file names, mostly."""
        for field in self.draft.fields:
            if field.now.isascii() or not field.name:
                continue
            label, text = field.label.decode("ascii"), text_of(field.value, charset)
            is_list = field.name in {"content-type", "content-disposition"}
            now = parameters(label, text) if is_list else unstructured(label, text)
            self.draft.replace(field, now, "raw_headers", f"{label} of a part encoded")

    def head(self) -> bytes:
        """The head as it goes on."""
        return apply(b"".join(field.octets for field in self.draft.fields), self.draft.edits())

    def head_for(self, encoding: str, body: bytes, charset: str) -> bytes:
        """The head for a body that is encoded anew; body: the beginning of it, which tells a charset."""
        if not self.is_identity:
            return self.head()
        line = self._line = f"Content-Transfer-Encoding: {encoding}\r\n".encode("ascii")
        field = self.draft.first("content-transfer-encoding")
        if field is not None:
            self.draft.replace(field, line, "parts", encoding)
            line = b""
        if self.draft.first("content-type") is None:
            line += f"Content-Type: text/plain; charset={_charset_of(body, charset)}\r\n".encode("ascii")
        if self.is_root and self.draft.first("mime-version") is None:
            line += b"MIME-Version: 1.0\r\n"
        return self.head() + line

    def difference(self) -> tuple[bytes, bytes]:
        """What head_for() has changed: the old line and the new."""
        field = self.draft.first("content-transfer-encoding")
        return (field.octets if field is not None and self._line else b""), self._line


def _charset_of(body: bytes, charset: str) -> str:
    if body.isascii():
        return "us-ascii"
    try:
        body[:-3].decode("utf-8")  # the last character may be cut
    except UnicodeDecodeError as error:
        return "utf-8" if error.start > len(body) - 8 else charset
    return "utf-8"
