"""Who owns a file: what root writes, and looks at, beside the service must be readable for the service's own user.

A unit with DynamicUser, and any relay with a user of its own, has a data directory that is not root's. Whoever owns
that directory must not be able to lead root elsewhere by a link: a handle is of a new file, a path is never followed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def open_for_owner(file: Path, of: Path) -> int:
    """A handle to write a new file, mode 0600, that belongs to whom `of` belongs; an old one by that name is gone.

    Raises OSError.
    """
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        give_to_owner(handle, of)
    except OSError:
        os.close(handle)
        raise
    return handle


def give_to_owner(file: Path | int, of: Path) -> None:
    """Where we are root a file, or a handle on one, goes to whom `of` belongs: the data directory. Raises OSError."""
    if os.name == "nt" or os.geteuid() != 0:
        return
    owner = of.stat()
    if isinstance(file, int):
        os.fchown(file, owner.st_uid, owner.st_gid)
    else:
        os.lchown(file, owner.st_uid, owner.st_gid)


def may_owner_read(file: Path, of: Path) -> bool:
    """Whether whom `of` belongs to may read a file, by the rights that it and its folders show (no access lists).

    For root, who may read anything and is not the one that has to. True where we are not root, or are it on both
    sides. Raises OSError where the file cannot be looked at.
    """
    if os.name == "nt" or os.geteuid() != 0 or not of.exists() or not (owner := of.stat()).st_uid:
        return True
    groups = _groups(owner.st_uid, owner.st_gid)
    place = file.resolve()
    return _may(place, owner.st_uid, groups, stat.S_IROTH) and all(
        _may(folder, owner.st_uid, groups, stat.S_IXOTH) for folder in place.parents
    )


def _may(place: Path, uid: int, groups: frozenset[int], right: int) -> bool:
    """right: as others have it; POSIX looks at the first of owner, group and others that fits, and at no other."""
    found = place.stat()
    shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
    return bool(found.st_mode & (right << shift))


def _groups(uid: int, gid: int) -> frozenset[int]:
    """A dynamic user of systemd may have no name any more: then its own group is all that is known."""
    import pwd

    try:
        return frozenset({gid, *os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)})
    except KeyError:
        return frozenset({gid})
