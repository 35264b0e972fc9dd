"""smtp-server of the npm registry as a process: what it was given, line by line."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

DEADLINE_S = 30.0


class NodeServer:
    """One server; settings are the environment of smtp_server.cjs without SERVER_, options its package's options."""

    def __init__(self, options: dict[str, Any], **settings: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self._environ = {
            **os.environ, "SERVER_OPTIONS": json.dumps(options),
            **{f"SERVER_{name.upper()}": value for name, value in settings.items()},
        }  # fmt: skip

    def __enter__(self) -> Self:
        script = Path(__file__).with_name("smtp_server.cjs")
        self._process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environ
        )
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline())["port"])
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            self.messages.append({**message, "content": base64.b64decode(message["content"])})
