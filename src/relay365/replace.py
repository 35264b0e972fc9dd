"""Replace: a file is written whole under another name, and then takes the place of the one before.

On Windows nobody can take the place of a file that is open (os.replace raises PermissionError there; Microsoft,
CreateFile, FILE_SHARE_DELETE, which Python's open() does not ask for): one of our readers has it open for a moment,
a virus scanner for longer. Elsewhere it is one step that always goes (rename(2)).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

TRIES, PAUSE_S = 40, 0.05


def put_in_place(fresh: Path, file: Path) -> None:
    """Give a file its name, over the one that has it; blocks up to two seconds where that is open. Raises OSError."""
    for n in range(1, TRIES + 1):
        try:
            fresh.replace(file)
        except PermissionError:
            if os.name != "nt" or n == TRIES:
                raise
            time.sleep(PAUSE_S)
        else:
            return
