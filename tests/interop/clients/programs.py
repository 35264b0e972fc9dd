"""Mail clients that we did not write, each able to send one content in the modes that it knows."""

from __future__ import annotations

import base64
import json
import os
import smtplib
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SENDER, RECIPIENT = "scan@contoso.com", "lena@fabrikam.com"
LOGIN, PASSWORD = "copier", "k3y-for-copiers"
DEADLINE_S = 30.0


@dataclass(frozen=True)
class Order:
    """What to send, and how. tls: "", "starttls" or "implicit"; mechanism: "", "PLAIN" or "LOGIN"."""

    port: int
    file: Path
    ca_file: Path
    tls: str = ""
    mechanism: str = ""
    token: str = ""
    user: str = LOGIN
    sender: str = SENDER


def run(arguments: list[str], stdin: bytes = b"", env: dict[str, str] | None = None) -> None:
    """Run a client; its failure is the test's failure, with everything that it said."""
    result = subprocess.run(
        arguments, input=stdin, capture_output=True, timeout=DEADLINE_S, env={**os.environ, **(env or {})}
    )
    assert result.returncode == 0, (result.stdout + result.stderr).decode("utf-8", "replace")[-3000:]


def swaks(order: Order) -> None:
    bare = order.file.with_suffix(".bare")  # swaks puts a line end of its own before the final dot
    bare.write_bytes(order.file.read_bytes().removesuffix(b"\r\n"))
    arguments = ["swaks", "--server", "127.0.0.1", "--port", str(order.port), "--from", order.sender]
    arguments += ["--to", RECIPIENT, "--data", f"@{bare}", "--helo", "device.test"]
    if order.tls:
        arguments += ["--tls" if order.tls == "starttls" else "--tls-on-connect", "--tls-verify"]
        arguments += ["--tls-ca-path", str(order.ca_file)]
    if order.mechanism:
        arguments += ["--auth", order.mechanism, "--auth-user", order.user, "--auth-password", PASSWORD]
    run(arguments)


def curl(order: Order) -> None:
    scheme = "smtps" if order.tls == "implicit" else "smtp"
    arguments = ["curl", "--silent", "--show-error", f"{scheme}://127.0.0.1:{order.port}/device.test"]
    arguments += ["--mail-from", order.sender, "--mail-rcpt", RECIPIENT, "--upload-file", str(order.file)]
    if order.tls:
        arguments += ["--ssl-reqd", "--cacert", str(order.ca_file)]
    if order.mechanism:
        arguments += ["--user", f"{order.user}:{PASSWORD}", "--login-options", f"AUTH={order.mechanism}"]
    run(arguments)


def msmtp(order: Order) -> None:
    arguments = [
        "msmtp",
        "--host=127.0.0.1",
        f"--port={order.port}",
        f"--from={order.sender}",
        "--timeout=20",
    ]
    if order.tls:
        arguments += ["--tls=on", f"--tls-starttls={'on' if order.tls == 'starttls' else 'off'}"]
        arguments += [f"--tls-trust-file={order.ca_file}"]
    else:
        arguments += ["--tls=off"]
    if order.mechanism:
        arguments += [f"--auth={order.mechanism.lower()}", f"--user={order.user}"]
        arguments += [f"--passwordeval=printf %s {PASSWORD}"]
    else:
        arguments += ["--auth=off"]
    run([*arguments, RECIPIENT], order.file.read_bytes().replace(b"\r\n", b"\n"))


def nodemailer(order: Order) -> None:
    transport: dict[str, object] = {"host": "127.0.0.1", "port": order.port, "name": "device.test"}
    transport["secure"] = order.tls == "implicit"
    transport["requireTLS"] = order.tls == "starttls"
    transport["ignoreTLS"] = not order.tls
    if order.mechanism:
        transport["auth"] = {"user": order.user, "pass": PASSWORD}
        transport["authMethod"] = order.mechanism
    request = {
        "transport": transport, "ca": str(order.ca_file) if order.tls else "",
        "envelope": {"from": order.sender, "to": [RECIPIENT]},
        "raw": base64.b64encode(order.file.read_bytes()).decode(),
    }  # fmt: skip
    run(["node", str(Path(__file__).parent / "nodemailer_send.cjs")], json.dumps(request).encode())


def standard_library(order: Order) -> None:
    context = ssl.create_default_context(cafile=str(order.ca_file)) if order.tls else None
    if order.tls == "implicit":
        client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", order.port, timeout=DEADLINE_S, context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", order.port, timeout=DEADLINE_S)
    with client:
        client.ehlo("device.test")
        if order.tls == "starttls":
            client.starttls(context=context)
            client.ehlo("device.test")
        if order.mechanism:
            client.user, client.password = order.user, PASSWORD
            method = client.auth_plain if order.mechanism == "PLAIN" else client.auth_login
            client.auth(order.mechanism, method)
        client.sendmail(order.sender, [RECIPIENT], order.file.read_bytes())


PROGRAMS: dict[str, tuple[str, Callable[[Order], None]]] = {
    "swaks": ("swaks", swaks),
    "curl": ("curl", curl),
    "msmtp": ("msmtp", msmtp),
    "nodemailer": ("node", nodemailer),
    "smtplib": ("", standard_library),
}
"""Name -> (the program that must be installed, how to send)."""
