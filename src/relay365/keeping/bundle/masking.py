"""Masking: text without secrets, and without what names a person or says what a message was about.

Pure: patterns and a key. The same address gives the same mask within one bundle, and another one in the next, so that
a helper can follow a message and nobody can compare bundles or try names against them. Known secrets are looked for in
every form in which they fly (plain, URL-encoded, escaped, base64 at any place in a longer text); what only looks like a
secret is cut, too: too much cut costs a question, too little a password.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

LEAST_SECRET = 4  # a shorter one would cut ordinary words
LEAST_INSIDE = 6  # its base64 inside a longer text has then at least six letters of its own
CUT = "[cut]"
_AT = r"(?:@|%40|\+40|=40|\\u0040|&#64;|\\x40)"
_LOCAL = r"(?:\"(?:[^\"\\\r\n]|\\.){1,64}\"|[^\s<>()\[\],;:\"@\\]{1,200}?)"
_DOMAIN = r"(?:\[[^\]\s]{1,100}\]|[\w\u00a1-\uffff][\w.\u00a1-\uffff-]*)"
_ADDRESS = re.compile(rf"({_LOCAL}){_AT}({_DOMAIN})")
_KNOWN_WORDS = re.compile(
    r"(?:from|to|orig_to|user|sender|mailbox|login|login_hint|address|id|for|by|key|lane|route|rfc822|mailto)=",
    re.IGNORECASE,
)
_MASKED = re.compile(r"[msx]-[0-9a-f]{8}")
_PATH = re.compile(r"\b((?:MAIL FROM|RCPT TO)\s*:\s*<)([^<>@]+)(>)", re.IGNORECASE)
_SUBJECT = re.compile(r"(\bsubject\b\"?\s*[:=]\s*)(\S[^\r\n]*)", re.IGNORECASE)
_FIELD = re.compile(r"^(\s*[-+|]\s?)([A-Za-z0-9-]+):.*$")
_OURS = re.compile(r"[a-z_]+: [^@<>\"=]{1,120}")
_SHOWN = frozenset(("date",))
_X500 = re.compile(r"(/cn=)([^/\s]+)", re.IGNORECASE)
_SECRETS = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), CUT),
    (re.compile(r"\$(?:argon2|scrypt|pbkdf2|2[aby])[\w$=,./+-]+"), CUT),
    (re.compile(r"\bey[JK][\w-]{8,}(?:\.[\w-]*)*"), CUT),
    (re.compile(r"\b(Bearer|Basic|XOAUTH2|OAUTHBEARER|AUTH PLAIN|AUTH LOGIN)(\s+)(?!\()[\w+/=.~-]{8,}", re.IGNORECASE),
     rf"\1\2{CUT}"),
    (re.compile(r"(\b[\w-]*(?:password|passwd|secret|token|assertion|sig|code|key)\"?\s*[:=]\s*\"?)(?![{\[(\s\"]|/[\w.-]+/)"
                r"[^\s\"',;&}]{4,}", re.IGNORECASE), rf"\1{CUT}"),
    (re.compile(r"(\w+://)[^/\s@]+@"), rf"\1{CUT}@"),
    (re.compile(r"(\w+://[^\s?\"'<>]+\?)[^\s\"'<>]+"), rf"\1{CUT}"),
)  # fmt: skip
_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{12,}={0,2}(?![\w+/=-])")
_PRINTABLE_SHARE = 0.9


class Mask:
    """Cuts and masks; counts what it did. What is masked already stays as it is.

    key: random, of one bundle; secrets: values that are known; routes: names that stand before a mailbox in a lane.
    """

    def __init__(
        self,
        key: bytes,
        secrets: Iterable[str] = (),
        *,
        hides_people: bool = True,
        routes: Iterable[str] = (),
    ) -> None:
        self._key, self.hides_people = key, hides_people
        self._lanes = tuple(f"{name}/" for name in routes)
        known = sorted({form for one in secrets for form in forms(one)}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None
        self.counts: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """A text that may be shown."""
        if self._known is not None:
            text = self._counted("secrets", self._known, CUT, text)
        for pattern, instead in _SECRETS:
            text = self._counted("secrets", pattern, instead, text)
        text = _BASE64.sub(self._if_text, text)
        return self._people(text) if self.hides_people else text

    def value(self, value: Any) -> Any:
        """The same of a JSON value: every text in it, and every key."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        return value

    def field_lines(self, text: str) -> str:
        """A text whose further lines are header fields, as a history shows repairs: of those the names only."""
        first, *others = text.split("\n")
        if not self.hides_people:
            return self.text(text)
        cut = [self._field(line) for line in others]
        return "\n".join((self.text(first), *cut))

    def name(self, text: str, kind: str = "m") -> str:
        """What stands for a text: the same for the same, as long as the key is the same."""
        digest = hmac.digest(self._key, f"{kind}\0{text.casefold()}".encode("utf-8", "replace"), "sha256")
        return f"{kind}-{digest.hex()[:8]}"

    def _people(self, text: str) -> str:
        text = _SUBJECT.sub(lambda m: m[1] + self._hidden("subjects", m[2], "s"), text)
        text = _X500.sub(lambda m: m[1] + self._hidden("addresses", m[2], "x"), text)
        text = _ADDRESS.sub(self._address, text)
        return _PATH.sub(lambda m: m[1] + self._hidden("addresses", m[2]) + m[3], text)

    def _address(self, found: re.Match[str]) -> str:
        local, domain = found[1], found[2]
        before = local[: len(local) - len(local.lstrip("'`{|*!"))]
        word = _KNOWN_WORDS.match(local, len(before))
        before += word[0] if word is not None else ""
        before += next((lane for lane in self._lanes if local.startswith(lane, len(before))), "")
        return f"{before}{self._hidden('addresses', local[len(before) :])}@{domain}"

    def _field(self, line: str) -> str:
        found = _FIELD.fullmatch(line)
        if _OURS.fullmatch(line) or (found is not None and found[2].lower() in _SHOWN):
            return self.text(line)
        self.counts["fields"] += 1
        return f"{found[1]}{found[2]}: {CUT}" if found is not None else CUT

    def _hidden(self, what: str, text: str, kind: str = "m") -> str:
        self.counts[what] += 1
        return text if _MASKED.fullmatch(text) else self.name(text, kind)

    def _counted(self, what: str, pattern: re.Pattern[str], instead: str, text: str) -> str:
        text, n = pattern.subn(instead, text)
        self.counts[what] += n
        return text

    def _if_text(self, found: re.Match[str]) -> str:
        """Base64 that is text, a sign-in or a header for instance, is cut; a name or a path is none."""
        if not _hides_text(found[0]):
            return found[0]
        self.counts["secrets"] += 1
        return CUT


def forms(secret: str) -> set[str]:
    """All the forms in which a secret may stand in a text; none where it is too short to be told from words."""
    if len(secret) < LEAST_SECRET:
        return set()
    octets = secret.encode("utf-8", "surrogateescape")
    quoted = {quote(octets, safe=""), quote_plus(octets), repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    found = {secret, *quoted}
    if len(octets) >= LEAST_INSIDE:
        found |= {_inside(octets, n, safe=safe) for n in range(3) for safe in (False, True)}
    return found


def _inside(octets: bytes, n_before: int, *, safe: bool) -> str:
    """The base64 letters that depend on the octets alone, when so many (modulo 3) stand before them."""
    encode = base64.urlsafe_b64encode if safe else base64.b64encode
    whole = encode(b"\0" * n_before + octets + b"\0" * (-(n_before + len(octets)) % 3)).decode()
    end = len(whole) - (4 if (n_before + len(octets)) % 3 else 0)
    return whole[4 if n_before else 0 : end]


def _hides_text(word: str) -> bool:
    bare = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        octets = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return False
    n_printable = sum(32 <= one < 127 or one in b"\0\1\t\r\n" for one in octets)
    return n_printable >= _PRINTABLE_SHARE * len(octets)
