"""Replaces a configuration file by a checked one: a dated copy of the old one first, then all at once.

Apart from `moving.merging`, because this is the only place of an import that writes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from relay365.config import Config
from relay365.moving.network import is_public
from relay365.replace import put_in_place


def strangers(before: Config | None, after: Config) -> list[str]:
    """What would newly be open to public addresses without a login, for people."""
    known = {rule.network for rule in before.allow if rule.login != "required"} if before else set()
    listed = [
        (f"[[allow]] {rule.network}", rule.network)
        for rule in after.allow
        if rule.login != "required" and rule.network not in known
    ]
    names = {device.name for device in before.device} if before else set()
    for device in after.device:
        if device.login != "required" and not device.match.login and device.name not in names:
            listed += [(f"[[device]] {device.name}", network) for network in device.match.address]
    return [said for said, network in listed if is_public(network)]


def replace(file: Path, text: str, stamp: str) -> Path | None:
    """Write the file whole or not at all; the copy of the old one, or None where there was none. Raises OSError.

    stamp: of the copy's name. Owner and mode stay as they were; a new file is for its owner and group only.
    """
    target = file.resolve()
    backup = None
    if target.exists():
        backup = target.with_name(f"{target.name}.{stamp}")
        shutil.copy2(target, backup)
    new = target.with_name(f".{target.name}.new")
    with new.open("w", encoding="utf-8", newline="") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    _like(new, target if backup else None)
    put_in_place(new, target)
    _sync_directory(target.parent)
    return backup


def _like(new: Path, old: Path | None) -> None:
    if old is None:
        new.chmod(0o640)
        return
    shutil.copymode(old, new)
    owner = old.stat()
    if hasattr(os, "chown") and (owner.st_uid, owner.st_gid) != (new.stat().st_uid, new.stat().st_gid):
        os.chown(new, owner.st_uid, owner.st_gid)


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
