"""Whatever stands in an old configuration, a reader says it and goes on, or refuses the whole in three lines."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.moving import SAMPLES, sample
from relay365.moving import device_list, oauth2_proxy
from relay365.moving.draft import Draft, whole_file
from relay365.moving.finding import Findings, SourceError
from relay365.moving.iis import reading as iis
from relay365.moving.postfix import reading as postfix
from relay365.moving.remote import Wish

Reader = Callable[[bytes], tuple[Draft, Findings]]
DEVICES = b"""name;ip;mac;sender;login;per_minute
ups;10.1.0.9;;ups@x.org;;5
copier;10.1.0.8, 10.2.0.0/24;00:11:22:33:44:55;;scan;
"""
WORDS = tuple(one.encode("latin-1") for one in (*'\n ${}!=:[]\x00\xff"/#0@,', "${", "-o "))
N = 250

SOURCES: dict[str, tuple[bytes, Reader]] = {
    "csv": (DEVICES, lambda octets: device_list.read(octets, "f")),
    "iis": ((SAMPLES / "iis/office.xml").read_bytes(), lambda octets: iis.read(octets, "f", Wish())),
    "oauth2proxy": (
        (SAMPLES / "oauth2proxy/emailproxy.config").read_bytes(),
        lambda octets: oauth2_proxy.read(octets.decode("utf-8-sig", "replace"), "f"),
    ),
}


def _damaged(octets: bytes, dice: random.Random) -> bytes:
    """A few words put in, cut out or doubled."""
    for _ in range(dice.randint(1, 8)):
        at, until = sorted(dice.randrange(len(octets) + 1) for _ in range(2))
        until = min(until, at + dice.randint(0, 40))
        middle = dice.choice((b"", dice.choice(WORDS), octets[at:until] * 2))
        octets = octets[:at] + middle + octets[until:]
    return octets


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_damaged_file_is_read_or_refused(name: str) -> None:
    """Never anything else, and what is written is TOML."""
    dice = random.Random(365)
    octets, read = SOURCES[name]
    refused = 0
    for _ in range(N):
        damaged = _damaged(octets, dice)
        try:
            draft, findings = read(damaged)
        except SourceError as error:
            refused += all((error.what, error.why, error.do))
            continue
        tomllib.loads(whole_file(draft, "2026-11-30"))

        assert findings.all
    assert refused < N


@pytest.mark.parametrize("name", ["gateway", "office365"])
def test_a_damaged_folder_is_read(name: str, tmp_path: Path) -> None:
    """Any file of a folder: main.cf, master.cf, a table."""
    dice = random.Random(366)
    directory = sample(name, tmp_path)
    files = {file: file.read_bytes() for file in sorted(directory.iterdir())}
    for _ in range(N):
        file = dice.choice(list(files))
        file.write_bytes(_damaged(files[file], dice))
        draft, findings = postfix.read(directory, Wish())
        tomllib.loads(whole_file(draft, "2026-11-30"))
        file.write_bytes(files[file])

        assert findings.all
