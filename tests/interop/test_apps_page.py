"""The blocks of docs/apps.md and docs/run.md, run as they are printed: by the shell, Python, Java and msmtp.

Name and port of the relay are the only words that are changed. What arrives is looked at by a server that we did not
write. Products that cannot be installed here are not played.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from relay365.handbook import pages
from shape import command_lines

JAVA_MAIL = (Path("/usr/share/java/jakarta-mail.jar"), Path("/usr/share/java/jakarta-activation.jar"))


class Sink:
    """A server that takes everything; mails holds what came: (sender, recipients, message)."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep one."""
        read = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(read, EmailMessage)
        self.mails.append((str(envelope.mail_from), [str(r) for r in envelope.rcpt_tos], read))
        return "250 2.6.0 queued as 4TQ921"


@pytest.fixture
def sink() -> Iterator[tuple[Sink, int]]:
    """The sink, and its port on loopback."""
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:  # aiosmtpd asks itself, and cannot with port 0
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port, ready_timeout=10)
    controller.start()
    try:
        yield sink, port
    finally:
        controller.stop()


def _block(page: str, heading: str, language: str = "") -> str:
    """The first block of a language below a heading."""
    text = next(one.text for one in pages.written() if one.name == page)
    section = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    return next(content for found, content in command_lines.blocks(section) if found == language)


def _check_arrived(sink: Sink, subject: str, sender: str = "erp@contoso.com") -> None:
    (one,) = sink.mails

    assert (sender, ["ops@contoso.com"], subject) == (one[0], one[1], one[2]["Subject"])
    assert "Done." in one[2].get_content()


def test_the_python_block_sends(sink: tuple[Sink, int]) -> None:
    """Copied into a file and run."""
    code = _block("apps", "Python", "python").replace('"relay.contoso.com", 25', f'"127.0.0.1", {sink[1]}')
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    _check_arrived(sink[0], "Report")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_block_sends(sink: tuple[Sink, int]) -> None:
    """Copied into a shell."""
    line = _block("apps", "A shell, with curl").replace("relay.contoso.com:25", f"127.0.0.1:{sink[1]}")
    subprocess.run(["sh", "-c", line], check=True, timeout=60)

    _check_arrived(sink[0], "Report")


@pytest.mark.skipif(shutil.which("msmtp") is None, reason="msmtp is not installed")
def test_the_msmtp_block_sends(sink: tuple[Sink, int], tmp_path: Path) -> None:
    """Without TLS, as the page says how; called as Nagios and cron do, with nothing but recipients."""
    heading = "Nagios, Icinga, and everything else that calls `mail`"
    text = (
        _block("apps", heading)
        .replace("relay.contoso.com", "127.0.0.1")
        .replace("port 25", f"port {sink[1]}")
    )
    text = text.replace("tls on\n", "tls off\n").replace("tls_starttls on\n", "")
    text = re.sub(r"tls_trust_file .*\n", "", text)
    (tmp_path / "msmtprc").write_text(text, "utf-8")
    subprocess.run(
        ["msmtp", "-C", str(tmp_path / "msmtprc"), "ops@contoso.com"],
        input="Subject: DISK CRITICAL\n\nDone.\n",
        text=True,
        check=True,
        timeout=60,
    )

    _check_arrived(sink[0], "DISK CRITICAL", "nagios@contoso.com")


@pytest.mark.skipif(
    shutil.which("javac") is None or not all(jar.exists() for jar in JAVA_MAIL),
    reason="no JDK or no Jakarta Mail",
)
def test_the_java_block_sends(sink: tuple[Sink, int], tmp_path: Path) -> None:
    """Inside of a main method, compiled against Jakarta Mail and run."""
    code = _block("apps", "Java", "java").replace('"relay.contoso.com"', '"127.0.0.1"')
    code = code.replace('"mail.smtp.port", "25"', f'"mail.smtp.port", "{sink[1]}"')
    whole = f"public class Report {{ public static void main(String[] a) throws Exception {{\n{code}}} }}\n"
    (tmp_path / "Report.java").write_text(whole, "utf-8")
    path = ":".join(map(str, (*JAVA_MAIL, tmp_path)))
    subprocess.run(
        ["javac", "-cp", path, "-d", str(tmp_path), str(tmp_path / "Report.java")], check=True, timeout=100
    )
    subprocess.run(["java", "-cp", path, "Report"], check=True, timeout=100)

    _check_arrived(sink[0], "Report")


@pytest.mark.parametrize(("code", "nagios"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_the_nagios_plugin_translates(code: int, nagios: int, tmp_path: Path) -> None:
    """Well is OK, a problem is WARNING, everything else CRITICAL; one line is said, that of the command."""
    plugin = tmp_path / "check_relay365"
    plugin.write_text(_block("run", "Monitoring", "sh"), "utf-8")
    (tmp_path / "relay365").write_text(f"#!/bin/sh\necho 'first line'\necho second\nexit {code}\n", "utf-8")
    (tmp_path / "relay365").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", str(plugin)], capture_output=True, text=True, env=environment, timeout=60)

    assert (nagios, "first line\n") == (done.returncode, done.stdout)


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")
def test_the_wordpress_block_is_php(tmp_path: Path) -> None:
    """PHP reads it, and with WordPress' two functions it sets PHPMailer as it says."""
    stub = (
        "<?php function add_action($n, $f) { $m = new class { public function isSMTP() { $this->Mailer = 'smtp'; }"
        " public $Mailer; public $Host; public $Port; public $SMTPAuth; public $SMTPAutoTLS; }; $f($m);"
        ' echo "$m->Mailer $m->Host $m->Port\\n"; } function add_filter($n, $f) { echo $f(\'\'), "\\n"; } ?>'
    )
    (tmp_path / "mail.php").write_text(stub + _block("apps", "WordPress", "php"), "utf-8")
    done = subprocess.run(["php", str(tmp_path / "mail.php")], capture_output=True, text=True, timeout=60)

    assert "smtp relay.contoso.com 25\nweb@contoso.com\n" == done.stdout
