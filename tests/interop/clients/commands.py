"""Clients that are commands: each is given an order in its own words."""

from __future__ import annotations

from email.utils import formatdate

from clients.order import PASSWORD, RECIPIENT, Order, run


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
        "msmtp", "--host=127.0.0.1", f"--port={order.port}", f"--from={order.sender}", "--timeout=20",
    ]  # fmt: skip
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


def sendemail(order: Order) -> None:
    arguments = ["sendemail", "-f", order.sender, "-t", RECIPIENT, "-s", f"127.0.0.1:{order.port}"]
    arguments += ["-u", order.subject, "-m", order.text, "-a", str(order.attachment)]
    arguments += ["-o", f"tls={'yes' if order.tls else 'no'}", "-o", "message-charset=utf-8"]
    if order.mechanism:
        arguments += ["-xu", order.user, "-xp", PASSWORD]
    run(arguments, env={"SSL_CERT_FILE": str(order.ca_file)})


def s_nail(order: Order) -> None:
    scheme = "smtps" if order.tls == "implicit" else "smtp"
    account = f"{order.user}:{PASSWORD}@" if order.mechanism else ""
    arguments = ["s-nail", "-:/", "-Sv15-compat", f"-Smta={scheme}://{account}localhost:{order.port}"]
    arguments += ["-Snosave", "-Ssendcharsets=utf-8", f"-Stls-ca-file={order.ca_file}", "-Stls-verify=strict"]
    arguments += [
        f"-Ssmtp-auth={order.mechanism.lower() or 'none'}",
        "-Shostname=device.test",
        f"-Sfrom={order.sender}",
    ]
    arguments += ["-Ssmtp-use-starttls"] if order.tls == "starttls" else []
    arguments += ["-r", order.sender, "-s", order.subject, "-a", str(order.attachment), RECIPIENT]
    run(arguments, order.text.encode(), {"LC_ALL": "C.UTF-8", "HOME": str(order.folder)})


def mutt(order: Order) -> None:
    scheme = "smtps" if order.tls == "implicit" else "smtp"
    account = f"{order.user}@" if order.mechanism else ""
    settings = {
        "smtp_url": f"{scheme}://{account}127.0.0.1:{order.port}/", "smtp_pass": PASSWORD,
        "smtp_authenticators": order.mechanism.lower() or "plain", "certificate_file": str(order.ca_file),
        "ssl_starttls": "yes" if order.tls == "starttls" else "no",
        "ssl_force_tls": "yes" if order.tls else "no", "ssl_usesystemcerts": "no",
        "from": order.sender, "envelope_from_address": order.sender, "use_envelope_from": "yes", "copy": "no",
        "charset": "utf-8", "send_charset": "utf-8",
    }  # fmt: skip
    file = order.folder / "muttrc"
    file.write_text("".join(f'set {key} = "{value}"\n' for key, value in settings.items()))
    arguments = [
        "mutt",
        "-n",
        "-F",
        str(file),
        "-s",
        order.subject,
        "-a",
        str(order.attachment),
        "--",
        RECIPIENT,
    ]
    run(arguments, order.text.encode(), {"LC_ALL": "C.UTF-8", "HOME": str(order.folder)})


def git_send_email(order: Order) -> None:
    patch = order.folder / "0001.patch"
    head = (
        f"From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom: {order.sender}\n"
        f"Date: {formatdate()}\nSubject: {order.subject}\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    )
    patch.write_text(head + order.text, "utf-8")
    arguments = ["git", "send-email", "--smtp-server=127.0.0.1", f"--smtp-server-port={order.port}"]
    arguments += [
        f"--from={order.sender}",
        f"--to={RECIPIENT}",
        "--confirm=never",
        "--no-validate",
        "--suppress-cc=all",
    ]
    if order.tls:
        encryption = "tls" if order.tls == "starttls" else "ssl"
        arguments += [f"--smtp-encryption={encryption}", f"--smtp-ssl-cert-path={order.ca_file}"]
    if order.mechanism:
        arguments += [
            f"--smtp-user={order.user}",
            f"--smtp-pass={PASSWORD}",
            f"--smtp-auth={order.mechanism}",
        ]
    run(
        [*arguments, str(patch)],
        env={"HOME": str(order.folder), "GIT_CONFIG_NOSYSTEM": "1", "EMAIL": order.sender},
    )
