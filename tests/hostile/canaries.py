"""Secrets as canaries: every form in which one can fly, and a search of everything that was written.

A secret is looked for plain, URL-encoded, and in base64 at each of the three places that it can have in a longer text,
so that it is found inside a SASL response, too.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

BEARER = [b"eyJ0eXAi", b"eyJhbGci"]  # how a JSON web token begins, whatever is in it


def forms(secret: str) -> set[bytes]:
    """All that must not be found."""
    octets = secret.encode()
    plain = {
        octets,
        quote(secret, safe="").encode(),
        quote_plus(secret).encode(),
        repr(secret)[1:-1].encode(),
    }
    return plain | {_inside(octets, n) for n in range(3)} | {_inside(octets, n, safe=True) for n in range(3)}


def _inside(octets: bytes, n_before: int, *, safe: bool = False) -> bytes:
    """The base64 characters that depend on the secret alone, when so many octets (modulo 3) stand before it."""
    encode = base64.urlsafe_b64encode if safe else base64.b64encode
    whole = encode(b"\0" * n_before + octets + b"\0" * (-(n_before + len(octets)) % 3))
    begin = 0 if n_before == 0 else 4
    end = len(whole) - (4 if (n_before + len(octets)) % 3 else 0)
    return whole[begin:end]


def tokens() -> set[bytes]:
    """How any bearer token begins, plain and inside a SASL response in base64."""
    begins = {form for begin in ("auth=Bearer eyJ", "Bearer eyJ") for form in forms(begin) if len(form) >= 12}
    return begins | set(BEARER)


def found(secrets: Mapping[str, Iterable[bytes]], texts: Mapping[str, bytes]) -> list[str]:
    """Give NAME in TEXT for each secret that stands where it must not."""
    return [
        f"{name} in {place}"
        for place, text in texts.items()
        for name, secret_forms in secrets.items()
        if any(form in text for form in secret_forms)
    ]


def files_below(folder: Path, meant: Iterable[str]) -> dict[str, bytes]:
    """Every file below a folder, except those that are meant to hold a secret; all of them, whatever they are."""
    names = set(meant)
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.relative_to(folder).as_posix() not in names
    }
