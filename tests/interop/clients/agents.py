"""Clients that take a machine's mail and pass it on: small ones and Postfix, run from their unpacked packages.

None is installed, because each would replace the machine's own; each gets its configuration and queue in the order's
folder. What is handed to them has LF lines, as local mail has.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from clients.order import DEADLINE_S, INTEROP, PASSWORD, RECIPIENT, Order, run
from servers.postfix import Postfix

_TOOLS = INTEROP / ".tools"


def _local(order: Order) -> bytes:
    return order.file.read_bytes().replace(b"\r\n", b"\n")


def nullmailer(order: Order) -> None:
    """Queued by its inject, sent by its daemon, which is ended when its queue is empty."""
    programs = {
        "bin": ("usr/bin/nullmailer-inject",), "sbin": ("usr/sbin/nullmailer-queue", "usr/sbin/nullmailer-send"),
        "protocols": ("usr/lib/nullmailer/smtp",),
    }  # fmt: skip
    for folder, names in programs.items():
        (order.folder / folder).mkdir()
        for name in names:
            target = order.folder / folder / Path(name).name
            shutil.copyfile(_TOOLS / "nullmailer" / name, target)
            target.chmod(0o755)
    etc, spool = order.folder / "conf", order.folder / "queue"
    for place in (etc, spool / "queue", spool / "tmp", spool / "failed"):
        place.mkdir(parents=True)
    subprocess.run(["mkfifo", str(spool / "trigger")], check=True)
    options = [f"--port={order.port}"]
    if order.tls:
        options += ["--starttls" if order.tls == "starttls" else "--tls", f"--x509cafile={order.ca_file}"]
    if order.mechanism:
        options += [f"--user={order.user}", f"--pass={PASSWORD}"] + ["--auth-login"] * (
            order.mechanism == "LOGIN"
        )
    (etc / "remotes").write_text(f"127.0.0.1 smtp {' '.join(options)}\n")
    env = {"NULLMAILER_TEST_PREFIX": str(order.folder), "HOME": str(order.folder)}
    submit = [str(order.folder / "bin/nullmailer-inject"), "-f", order.sender, RECIPIENT]
    run(submit, _local(order), env)
    log = order.folder / "nullmailer.log"
    with log.open("wb") as said:
        daemon = subprocess.Popen(
            [str(order.folder / "sbin/nullmailer-send")], stdout=said, stderr=said, env=env
        )
    try:
        _until_empty(spool / "queue", log)
    finally:
        daemon.terminate()
        daemon.wait(DEADLINE_S)


def _until_empty(queue: Path, log: Path) -> None:
    until = time.monotonic() + 20.0
    while any(queue.iterdir()):
        assert time.monotonic() < until, log.read_text("utf-8", "replace")
        time.sleep(0.02)


def dma(order: Order) -> None:
    """Its paths are fixed, so it runs in a root of its own, which holds its libraries and nothing else."""
    root = order.folder / "root"
    program = _TOOLS / "dma/usr/sbin/dma"
    for name in ("etc/dma", "var/spool/dma", "var/mail"):
        (root / name).mkdir(parents=True)
    for library in re.findall(r"/\S+", run(["ldd", str(program)])):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    for name in ("passwd", "group", "hosts"):
        shutil.copy(f"/etc/{name}", root / "etc" / name)
    shutil.copy(program, root / "dma")
    settings = ["SMARTHOST 127.0.0.1", f"PORT {order.port}", "MAILNAME device.test", "NULLCLIENT"]
    settings += ["SECURETRANSFER"] * bool(order.tls) + ["STARTTLS"] * (order.tls == "starttls")
    settings += ["AUTHPATH /etc/dma/auth.conf"] * bool(order.mechanism)
    (root / "etc/dma/dma.conf").write_text("\n".join(settings) + "\n")
    (root / "etc/dma/auth.conf").write_text(f"{order.user}|127.0.0.1:{PASSWORD}\n")
    for folder in (root / "var/spool/dma", root / "var/mail"):
        shutil.chown(folder, "mail", "mail")
    run(["chroot", str(root), "/dma", "-D", "-i", "-f", order.sender, RECIPIENT], _local(order))
    left = [file.name for file in (root / "var/spool/dma").iterdir() if file.name[0] in "MQ"]
    assert not left, f"dma kept {left}"


def ssmtp(order: Order) -> None:
    settings = [f"mailhub=127.0.0.1:{order.port}", "hostname=device.test", "FromLineOverride=YES"]
    settings += ["UseTLS=YES"] * bool(order.tls) + ["UseSTARTTLS=YES"] * (order.tls == "starttls")
    if order.mechanism:
        settings += [f"AuthUser={order.user}", f"AuthPass={PASSWORD}", f"AuthMethod={order.mechanism}"]
    file = order.folder / "ssmtp.conf"
    file.write_text("\n".join(settings) + "\n")
    program = str(_TOOLS / "ssmtp/usr/sbin/ssmtp")
    run([program, "-C", str(file), "-f", order.sender, RECIPIENT], _local(order))


def esmtp(order: Order) -> None:
    settings = [f'hostname = "localhost:{order.port}"', 'helo = "device.test"', "message_id = enabled"]
    settings += [f"starttls = {'required' if order.tls else 'disabled'}"]
    if order.mechanism:
        settings += [f'username = "{order.user}"', f'password = "{PASSWORD}"']
    file = order.folder / "esmtprc"
    trust = order.folder / ".config/libesmtp/ca.pem"
    trust.parent.mkdir(parents=True)
    shutil.copy(order.ca_file, trust)
    file.write_text("\n".join(settings) + "\n")
    for private in (file, trust):  # it reads neither where others may
        private.chmod(0o600)
    program = str(_TOOLS / "esmtp/usr/bin/esmtp")
    env = {"HOME": str(order.folder)}
    run([program, "-C", str(file), "-f", order.sender, RECIPIENT], _local(order), env)


def postfix(order: Order) -> None:
    settings = {"relayhost": f"[127.0.0.1]:{order.port}", "smtp_tls_security_level": "none"}
    if order.tls:
        settings |= {
            "smtp_tls_security_level": "secure", "smtp_tls_CAfile": str(order.ca_file),
            "smtp_tls_secure_cert_match": "localhost",
            "smtp_tls_wrappermode": "yes" if order.tls == "implicit" else "no",
        }  # fmt: skip
    if order.mechanism:
        logins = order.folder / "logins"
        logins.write_text(f"[127.0.0.1]:{order.port} {order.user}:{PASSWORD}\n")
        settings |= {
            "smtp_sasl_auth_enable": "yes", "smtp_sasl_password_maps": f"texthash:{logins}",
            "smtp_sasl_security_options": "noanonymous", "smtp_sasl_mechanism_filter": order.mechanism.lower(),
        }  # fmt: skip
    with Postfix(order.folder / "postfix", settings) as instance:
        instance.submit(order.sender, RECIPIENT, _local(order))
