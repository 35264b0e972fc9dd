"""Restoring: a backup becomes a data directory again, in an empty place, and sends nothing that nobody asked for.

Everything is made whole in a folder inside the new data directory, the mail in it is held there, and only then the
parts move to their places, the database last: a service that starts too early finds a lock, never half a queue.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relay365.clock import Clock
from relay365.keeping.archive import BadArchive, Entry
from relay365.keeping.creating import NotAllowed
from relay365.keeping.verifying import DATABASE, opened, short_segments, take_out
from relay365.spool.copies.reviving import Restored, bring_back, look
from relay365.spool.lock import DirectoryLock
from relay365.spool.segment import sync_folder

STAGE = "restoring"
BESIDE = "restored"  # in the data directory: configuration and secrets that were given no other place
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Brought:
    """What was restored. config, elsewhere: the folders with what stood beside the configuration, and with files of
    other places, below which they keep their whole path; None where there are none.
    """

    data: Path
    config: Path
    elsewhere: Path | None
    about: dict[str, Any]
    manifest: dict[str, Any]
    queue: Restored


def restore(
    file: Path,
    passphrase: Callable[[], str],
    to: Path,
    *,
    clock: Clock,
    hold: bool,
    config_to: Path | None = None,
) -> Brought:
    """Make a data directory of a backup. to: empty or absent; config_to: where the configuration goes, if named.

    Raises NotAllowed where something is there already, BadArchive, SpoolError and OSError; then everything that was
    written is removed again.
    """
    is_new = not to.exists()
    require_empty(to, config_to)
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock, stage = DirectoryLock(to), to / STAGE
    try:
        lock.take()
        stage.mkdir(mode=0o700)
        about, manifest, entries = _take_out(file, passphrase, stage)
        queue = asyncio.run(bring_back(stage / "data", clock, taken=str(about.get("created_at")), hold=hold))
        _give_back(stage, entries, to)
        _move(stage, to, config_to)
    except BaseException:
        lock.release()  # Windows removes no file that is open
        _remove(to, is_new=is_new)
        raise
    finally:
        lock.release()
    config = config_to or to / BESIDE / "config"
    elsewhere = to / BESIDE / "elsewhere"
    return Brought(to, config, elsewhere if elsewhere.exists() else None, about, manifest, queue)


def require_empty(to: Path, config_to: Path | None) -> None:
    """Raises NotAllowed where a restore would mix with what is there."""
    if to.exists() and not to.is_dir():
        raise NotAllowed(f"{to} is no folder", "a backup becomes a folder", "name one that is not there yet")
    if to.exists() and (found := sorted(one.name for one in to.iterdir())):
        pid = DirectoryLock(to).holder()
        why = (
            f"a relay365 (process {pid}) is running on it"
            if pid is not None
            else f"there is {', '.join(found[:3])}{' and more' if len(found) > 3 else ''} in it"
        )
        raise NotAllowed(
            f"{to} is not empty",
            why,
            "restore into an empty folder, look at it there, then let them change places",
        )
    if config_to is not None and config_to.exists() and any(p != to for p in config_to.iterdir()):
        raise NotAllowed(
            f"{config_to} is not empty",
            "the configuration that is there would mix with the one of the backup",
            "leave --config-to out: the backup's configuration then stands below the data directory",
        )


def _take_out(
    file: Path, passphrase: Callable[[], str], stage: Path
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Entry]]:
    """Write all members below a folder and look whether they are a whole site. Raises BadArchive."""
    with opened(file, passphrase) as (reader, _):
        entries = take_out(reader, lambda name: stage.joinpath(*name.split("/")))
    if DATABASE not in entries:
        raise BadArchive("it has no queue: data/spool.db is missing")
    facts = look(stage / "data" / "spool.db")
    if not facts.is_for_us:
        raise BadArchive(
            f"its queue has schema {facts.schema}, this relay365 knows schemas up to {facts.newest}: "
            f"restore it with relay365 {reader.about.get('program')} or newer"
        )
    short = short_segments(facts, entries)
    if short and not reader.manifest.get("damaged"):
        raise BadArchive(short[0])
    return reader.about, reader.manifest, entries


def _move(stage: Path, to: Path, config_to: Path | None) -> None:
    """From the stage to their places, the database last."""
    data = stage / "data"
    beside = to / BESIDE
    if config_to is None or (stage / "elsewhere").exists():
        beside.mkdir(mode=0o700)
    if (stage / "config").exists():
        target = config_to or beside / "config"
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
        for path in sorted((stage / "config").iterdir()):
            shutil.move(path, target / path.name)
        sync_folder(target)
    if (stage / "elsewhere").exists():
        (stage / "elsewhere").rename(beside / "elsewhere")
    for path in sorted(data.iterdir(), key=lambda path: (path.name == "spool.db", path.name)):
        if path.name != _LOCK:
            path.rename(to / path.name)
    shutil.rmtree(stage)
    sync_folder(to)
    sync_folder(to.parent)


def _give_back(stage: Path, entries: Mapping[str, Entry], to: Path) -> None:
    """What root restored belongs to whom it belonged, by name; where nobody has that name, to the folder's owner.

    A service with a user of systemd's own gets its data directory given when it starts.
    """
    if os.name == "nt" or os.geteuid() != 0:
        return
    folder = to.stat()
    database = entries[DATABASE]
    uid, gid = _ids(database, (folder.st_uid, folder.st_gid))
    for path in (to, to / _LOCK, *(stage / "data").rglob("*"), stage / "data"):
        os.chown(path, uid, gid, follow_symlinks=False)
    for name, entry in entries.items():
        if not name.startswith("data/"):
            path = stage.joinpath(*name.split("/"))
            os.chown(path, *_ids(entry, (0, 0)), follow_symlinks=False)


def _ids(entry: Entry, default: tuple[int, int]) -> tuple[int, int]:
    """Numbers of a member's owner and group on this machine."""
    if sys.platform == "win32":
        return default
    import grp
    import pwd

    try:
        return pwd.getpwnam(entry.owner).pw_uid, grp.getgrnam(entry.group).gr_gid
    except KeyError:
        return default


def _remove(to: Path, *, is_new: bool) -> None:
    """Nothing of a restore that failed stays; all that is there is its own, since the folder was empty."""
    if is_new:
        shutil.rmtree(to, ignore_errors=True)
        return
    for path in to.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
