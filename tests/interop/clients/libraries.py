"""Clients that are libraries: a small program under sources/ for each, in the language of the library."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from functools import cache
from pathlib import Path

from clients.order import DEADLINE_S, HERE, INTEROP, PASSWORD, RECIPIENT, Order, run

_SOURCES = HERE / "sources"
_JAVA = Path("/usr/share/java")
PYTHON = ".venv/bin/python"  # an environment of its own, made by tests/packages.sh


def script(*command: str) -> Callable[[Order], None]:
    """A client that an interpreter runs; the last word is the file under sources/."""

    def send(order: Order) -> None:
        *interpreter, file = command
        run([*interpreter, str(_SOURCES / file)], env=order.environ())

    return send


def python(name: str) -> Callable[[Order], None]:
    """A client of the Python registry. SSL_CERT_FILE tells it whom to trust, as an administrator would."""

    def send(order: Order) -> None:
        env = {**order.environ(), "SSL_CERT_FILE": str(order.ca_file)}
        run([str(INTEROP / PYTHON), "-W", "ignore", str(_SOURCES / f"{name}_send.py")], env=env)

    return send


def java(package: str) -> Callable[[Order], None]:
    """JavaMail and Jakarta Mail are one interface under two names: package is "javax" or "jakarta"."""

    def send(order: Order) -> None:
        separator = "." if package == "javax" else "-"
        jars = ":".join(str(_JAVA / f"{package}{separator}{name}.jar") for name in ("mail", "activation"))
        folder = _compiled_java(package, jars, order.workshop)
        run(
            ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{folder}:{jars}", "Send"],
            env=order.environ(),
        )

    return send


@cache
def _compiled_java(package: str, jars: str, workshop: Path) -> Path:
    folder = workshop / package
    folder.mkdir()
    source = folder / "Send.java"
    source.write_text((_SOURCES / "Send.java").read_text().replace("jakarta.mail", f"{package}.mail"))
    run(["javac", "-proc:none", "-cp", jars, "-d", str(folder), str(source)])
    return folder


def go(order: Order) -> None:
    run([str(_compiled_go(order.workshop))], env=order.environ())


@cache
def _compiled_go(workshop: Path) -> Path:
    program = workshop / "send-go"
    env = {
        "GOCACHE": str(workshop / "go-cache"),
        "GO111MODULE": "off",
        "GOFLAGS": "-p=2",
        "HOME": str(workshop),
    }
    run(["go", "build", "-o", str(program), str(_SOURCES / "send.go")], env=env)
    return program


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
