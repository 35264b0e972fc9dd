"""A Postfix of our own: an unpacked package with its own configuration, queue and port, never the machine's."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from clients.order import INTEROP

PACKAGE = INTEROP / ".tools" / "postfix"
DEADLINE_S = 30.0

_MASTER = """
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
pickup    unix  n       -       n       1       1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
proxymap  unix  -       -       n       -       -       proxymap
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
showq     unix  n       -       n       -       -       showq
postlog   unix-dgram n  -       n       -       1       postlogd
"""


class Postfix:
    """One instance. settings are lines of main.cf; listen opens an SMTP port at this number.

    The owner of the queue is an ordinary system account, because the package's own is only made when it is installed.
    """

    def __init__(self, directory: Path, settings: dict[str, str], listen: int = 0) -> None:
        self.directory = directory
        self._config, self._queue, self._data = (directory / name for name in ("etc", "queue", "data"))
        for folder in (self._config, self._queue, self._data):
            folder.mkdir(parents=True)
        files = (PACKAGE / "etc/postfix/postfix-files").read_text().splitlines(keepends=True)
        queue = [line for line in files if line.startswith(("$queue_directory", "$data_directory"))]
        (self._config / "postfix-files").write_text("".join(queue))
        (self._config / "dynamicmaps.cf").touch()
        libraries = PACKAGE / "usr/lib/postfix"
        own = {
            "compatibility_level": "3.6", "mail_owner": "daemon", "setgid_group": "mail", "default_privs": "nobody",
            "queue_directory": str(self._queue), "data_directory": str(self._data),
            "command_directory": str(PACKAGE / "usr/sbin"), "daemon_directory": str(libraries / "sbin"),
            "shlib_directory": str(libraries), "meta_directory": str(self._config),
            "sendmail_path": str(PACKAGE / "usr/sbin/sendmail"), "mailq_path": "/bin/true",
            "newaliases_path": "/bin/true", "manpage_directory": str(directory / "man"), "html_directory": "no",
            "readme_directory": "no", "sample_directory": "no", "maillog_file": str(directory / "log"),
            "maillog_file_prefixes": str(directory), "myhostname": "postfix.test", "mydestination": "",
            "alias_maps": "", "alias_database": "", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
            "import_environment": "MAIL_CONFIG LD_LIBRARY_PATH TZ LANG=C", "biff": "no", "notify_classes": "",
            "export_environment": "TZ MAIL_CONFIG PATH LANG LD_LIBRARY_PATH", "smtp_dns_support_level": "disabled",
            "append_dot_mydomain": "no", "local_transport": "error:none here", "mynetworks": "127.0.0.0/8",
        }  # fmt: skip
        main = "".join(f"{key} = {value}\n" for key, value in {**own, **settings}.items())
        (self._config / "main.cf").write_text(main)
        door = f"127.0.0.1:{listen} inet n - n - - smtpd\n" if listen else ""
        (self._config / "master.cf").write_text(_MASTER.lstrip() + door)
        os.chown(self._data, 1, -1)  # daemon
        self._environ = {
            **os.environ, "MAIL_CONFIG": str(self._config), "LD_LIBRARY_PATH": str(libraries),
        }  # fmt: skip

    def __enter__(self) -> Self:
        # The way down to the queue must be open to its owner; what is there for nobody else is closed by the queue.
        for folder in (self.directory, *self.directory.parents):
            if folder.owner() == "root" and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
                folder.chmod(folder.stat().st_mode | 0o011)
        self._command("postfix", "start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._command("postfix", "stop")

    def submit(self, sender: str, recipient: str, content: bytes) -> None:
        """Hand over one message as a local program would, with LF lines; returns when the queue is empty."""
        self._command("sendmail", "-f", sender, "-i", recipient, stdin=content)
        self.wait()

    def wait(self) -> None:
        """Wait until nothing is queued."""
        until = time.monotonic() + DEADLINE_S
        while self.queued():
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def queued(self) -> list[Path]:
        folders = ("maildrop", "incoming", "active", "deferred", "hold")
        return [file for name in folders for file in (self._queue / name).rglob("*") if file.is_file()]

    def log(self) -> str:
        file = self.directory / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def _command(self, name: str, *arguments: str, stdin: bytes = b"") -> None:
        result = subprocess.run(
            [str(PACKAGE / "usr/sbin" / name), *arguments], input=stdin, capture_output=True,
            timeout=DEADLINE_S, env=self._environ,
        )  # fmt: skip
        said = (result.stdout + result.stderr).decode("utf-8", "replace")
        assert result.returncode == 0, said + self.log()
