"""aiosmtpd with a file per message: temporary file, fsync, rename, fsync of the folder, then 250. FOLDER PORT."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP


class Keep:
    """The handler."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, itertools.count(1)
        self._handle = os.open(folder, os.O_RDONLY)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one message."""
        await asyncio.to_thread(self._keep, f"{next(self._numbers)}", envelope.original_content)
        return "250 2.0.0 kept"

    def _keep(self, name: str, content: bytes) -> None:
        fresh = self._folder / f"{name}.new"
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._folder / name)
        os.fsync(self._handle)


async def _serve(folder: Path, port: int) -> None:
    keep = Keep(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keep, data_size_limit=None, enable_SMTPUTF8=True),
        "127.0.0.1",
        port,
        backlog=1024,
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
