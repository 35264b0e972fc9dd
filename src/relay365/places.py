"""Places: where the configuration and the data of a relay are, where nobody says it.

On Windows below %ProgramData%, which is for programs of the whole machine (Microsoft, KNOWNFOLDERID,
FOLDERID_ProgramData); elsewhere by the Filesystem Hierarchy Standard, 3.7 and 5.8.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    SYSTEM_FOLDER = Path(os.environ.get("PROGRAMDATA", "C:/ProgramData"), "relay365")
    DATA = str(SYSTEM_FOLDER / "data")
else:
    SYSTEM_FOLDER = Path("/etc/relay365")
    DATA = "/var/lib/relay365"
