"""Who owns a file: what root writes beside the service, at a terminal, must be readable for the service's own user.

A unit with DynamicUser, and any relay with a user of its own, has a data directory that is not root's. Whoever owns
that directory must not be able to lead root elsewhere by a link: a handle is of a new file, a path is never followed.
"""

from __future__ import annotations

import os
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
