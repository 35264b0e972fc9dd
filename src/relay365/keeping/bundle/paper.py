"""Paper: the sheets of a bundle, and the file that they make. What is written is what was listed.

The last look is here: a sheet in which a known secret still stands is not written, whoever forgot to mask it.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from relay365.keeping.bundle.masking import Mask, forms
from relay365.spool.segment import sync_folder

README = """\
This bundle was written by `relay365 support bundle`, for whoever helps with a relay.

{people}
Secrets are cut: passwords, tokens, keys and hashes, also inside base64. The configuration has references to secrets
only. No content of any message is in here, and no attachment.

{listing}
"""
MASKED = """\
Local parts of addresses stand as m-1a2b3c4d, subjects as s-1a2b3c4d, Exchange's own names as x-1a2b3c4d: the same
person is the same word within this bundle. Domains, host names, IP addresses and names of devices are shown."""
UNMASKED = "Addresses and subjects are shown as they are (--no-mask)."


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file of a bundle. cut: what is not in it, in words for the person who gives it away."""

    name: str
    octets: bytes
    cut: str


class Paper:
    """Sheets that are masked as they are added."""

    def __init__(self, mask: Mask, secrets: Iterable[str] = ()) -> None:
        self._mask = mask
        self._forms = sorted({form.encode() for one in secrets for form in forms(one)})
        self._sheets: list[Sheet] = []

    def add(self, name: str, value: Any, note: str = "") -> None:
        """A text, or a JSON value; a list of objects becomes one object per line. note: what is never in it."""
        if isinstance(value, str):
            text = self._mask.text(value)
        elif isinstance(value, list):
            text = "".join(f"{json.dumps(self._mask.value(one), ensure_ascii=False)}\n" for one in value)
        else:
            text = json.dumps(self._mask.value(value), indent=1, ensure_ascii=False) + "\n"
        said = ", ".join(filter(None, (note, _words(self._mask.counts))))
        self._keep(name, text.encode("utf-8", "replace"), said)
        self._mask.counts.clear()

    def sheets(self) -> tuple[Sheet, ...]:
        """All of them, with a README that lists them in front."""
        people = MASKED if self._mask.hides_people else UNMASKED
        listing = "\n".join(f"{one.name:28} {len(one.octets):>9}  {one.cut}" for one in self._sheets)
        text = README.format(people=people, listing=listing)
        return (Sheet("README.txt", text.encode(), ""), *self._sheets)

    def _keep(self, name: str, octets: bytes, cut: str) -> None:
        if any(form in octets for form in self._forms):
            octets, cut = b"left out: a secret stood in it\n", "LEFT OUT: a secret stood in it"
        self._sheets.append(Sheet(name, octets, cut))


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {what} {'masked' if what in ('addresses', 'subjects') else 'cut'}"
                     for what, n in sorted(counts.items()) if n)  # fmt: skip


def write(sheets: Sequence[Sheet], to: Path) -> int:
    """Write a zip that its owner alone may read, synced; gives its size. Raises FileExistsError and OSError."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    zipped = BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as file:
        for one in sheets:
            file.writestr(one.name, one.octets)
    handle = os.open(to, flags, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(zipped.getvalue())
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(to.resolve().parent)
    return len(zipped.getvalue())
