"""An nginx of our own as mail proxy: an unpacked package with its own configuration, and the server that it asks.

nginx's mail proxy knows nobody itself: it asks an HTTP server for each session (auth_http), which says yes or no and
where to go on. That server is here, too. ("Module ngx_mail_auth_http_module", "Module ngx_mail_proxy_module")
"""

from __future__ import annotations

import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from clients.order import INTEROP
from e2e.house import DEADLINE_S, _free_port, eventually

PROGRAM = INTEROP / ".tools/nginx/usr/sbin/nginx"
MODULE = INTEROP / ".tools/libnginx-mod-mail/usr/lib/nginx/modules/ngx_mail_module.so"
IS_HERE = PROGRAM.exists() and MODULE.exists()

_CONFIG = """
load_module {module};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 64; }}
mail {{
    server_name proxy.test;
    auth_http 127.0.0.1:{desk}/;
    timeout 20s;
    server {{
        listen 127.0.0.1:{port};
        protocol smtp;
        smtp_auth login plain none;
        smtp_capabilities PIPELINING 8BITMIME;
        xclient {xclient};
        proxy_pass_error_message on;
    }}
}}
"""


class Desk:
    """What nginx asks: yes to everybody but to a wrong password. asked: the headers of each question, in lower case."""

    def __init__(self, relay_port: int, password: str) -> None:
        self.asked: list[dict[str, str]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = {name.lower(): value for name, value in self.headers.items()}
                asked.append(given)
                is_right = given["auth-method"] == "none" or given.get("auth-pass") == password
                self.send_response(200)
                self.send_header("Auth-Status", "OK" if is_right else "Invalid login or password")
                if is_right:
                    self.send_header("Auth-Server", "127.0.0.1")
                    self.send_header("Auth-Port", str(relay_port))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """No more questions."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE_S)


class Nginx:
    """One instance in front of a relay, as a context. port: where clients come; said: its log so far."""

    def __init__(self, folder: Path, relay_port: int, password: str, *, xclient: bool = True) -> None:
        folder.mkdir()
        self.port, self._folder = _free_port(), folder
        self.desk = Desk(relay_port, password)
        text = _CONFIG.format(
            module=MODULE,
            folder=folder,
            desk=self.desk.port,
            port=self.port,
            xclient="on" if xclient else "off",
        )
        (folder / "nginx.conf").write_text(text, "utf-8")

    @property
    def said(self) -> str:
        """What it has written into its log."""
        return (self._folder / "error.log").read_text("utf-8")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self) -> Self:
        command = [
            PROGRAM,
            "-p",
            self._folder,
            "-c",
            self._folder / "nginx.conf",
            "-e",
            self._folder / "error.log",
        ]
        self._process = subprocess.Popen(command)
        try:
            eventually(lambda: self._process.poll() is not None or self._listens())
            assert self._process.poll() is None, self.said
        except AssertionError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_S)
        self.desk.close()
