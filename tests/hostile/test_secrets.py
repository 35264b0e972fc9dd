"""No secret is where it is not meant to be: everything at debug level, every command, on good days and bad, and then
a search of every file, every log and all output. (aiosmtpd 233 and others: passwords in debug logs and error texts)
"""

from __future__ import annotations

import base64
import os
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from fakes.identity import TokenService, refusal
from hostile.canaries import files_below, forms, found, tokens
from hostile.impostor import Impostor
from relay365.clock import SystemClock
from relay365.net.tls import own_certificate, server_context
from relay365.routes.identity.entra import Application
from relay365.routes.identity.redirect import parameters_of
from relay365.routes.identity.sign_in import Begun, SignIn
from relay365.routes.identity.store import TokenStore
from relay365.routes.identity.transport import Way

DEVICE_PASSWORD = "Dev/ice+Kanarie &1=%"
MISTYPED = "Dev/ice+Kanarie &1=%2"
REPEATED = "Rem/ote+Kanarie &3=%"
STARTS = (
    "status",
    "queue list",
    "queue list --all --json",
    "config show",
    "config check",
    "user list",
    "explain 535",
)
ROUTES = {
    "secret": "",
    "certificate": 'certificate = {{ file = "{certificate_file}" }}\nkey = {{ file = "{key_file}" }}',
    "password": 'password = {{ env = "MAILBOX_PASSWORD" }}',
}

# Faults of libraries, switched on by files: what they raise goes through our frames, with the secrets in them.
FAULTS = """
import argon2, ssl
from pathlib import Path
HERE = Path(__file__).parent

def failing(name, original):
    def call(*arguments, **named):
        if (HERE / name).exists():
            raise RuntimeError("provoked in " + name)
        return original(*arguments, **named)
    return call

argon2.PasswordHasher.verify = failing("login-fault", argon2.PasswordHasher.verify)
ssl.SSLContext.wrap_bio = failing("tls-fault", ssl.SSLContext.wrap_bio)
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    with microsoft(tmp_path) as running:
        yield running


def _secrets(cloud: Microsoft) -> dict[str, set[bytes]]:
    key_lines = Path(str(cloud.facts["key_file"])).read_text().splitlines()[1:-1]
    return {
        "client secret": forms(str(cloud.facts["client_secret"])),
        "mailbox password": forms(cloud.password),
        "device password": forms(DEVICE_PASSWORD),
        "mistyped password": forms(MISTYPED),
        "private key": {line.encode() for line in key_lines if len(line) > 60},
        "token": tokens(),
    }


def _as_device(relay: Relay, mailbox: str, *, password: str, mechanism: str) -> None:
    """Log in and send one message; what is refused is refused."""
    with smtplib.SMTP("127.0.0.1", relay.port, "copier.test", 20) as client:
        try:
            client.starttls(context=ssl.create_default_context(cafile=str(relay.ca_file)))
            client.user, client.password = "copier", password
            client.ehlo()
            client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))
            client.sendmail(mailbox, ["lena@fabrikam.com"], b"Subject: x\r\n\r\nhello\r\n")
        except (smtplib.SMTPException, OSError):
            return


def _in_the_wrong_place(relay: Relay) -> None:
    """Passwords where no password belongs: before TLS, as a command, behind a refused mechanism, in an address."""
    plain = base64.b64encode(f"\0copier\0{DEVICE_PASSWORD}".encode()).decode()
    alone = base64.b64encode(DEVICE_PASSWORD.encode()).decode()
    with smtplib.SMTP("127.0.0.1", relay.port, "copier.test", 20) as client:
        client.ehlo()
        for line in (
            f"AUTH PLAIN {plain}",
            plain,
            "AUTH LOGIN",
            alone,
            DEVICE_PASSWORD,
            f"AUTH CRAM-MD5 {alone}",
            f"HELP {plain}",
        ):
            client.docmd(line)


def _bad_days(relay: Relay, cloud: Microsoft, faults: Path) -> None:
    """A refused login at Microsoft, a lie, an outage; then the provoked faults, which leave tracebacks."""
    cloud.control.set_mood(name="auth", text="auth-failed", count=1)
    cloud.control.set_mood(name="lie", how="garbage", count=1)
    relay.send(b"Subject: bad day\r\n\r\nhello\r\n", sender=cloud.mailbox)
    eventually(lambda: "535 5.7.3" in relay.log_file.read_text())
    (faults / "login-fault").touch()
    (relay.directory / "data" / "users").touch()  # the password that is remembered is forgotten
    _as_device(relay, cloud.mailbox, password=MISTYPED, mechanism="PLAIN")
    (faults / "login-fault").unlink()
    (faults / "tls-fault").touch()
    relay.command("queue", "retry", "--all")
    eventually(lambda: relay.log_file.read_text().count("provoked in tls-fault"))
    (faults / "tls-fault").unlink()
    relay.command("queue", "retry", "--all")


@pytest.mark.parametrize(
    ("credential", "form"), [("secret", "text"), ("certificate", "json"), ("password", "text")]
)
def test_no_secret_is_found_anywhere(credential: str, form: str, cloud: Microsoft, tmp_path: Path) -> None:
    """At level debug, with good logins and bad, tokens fetched and refused, tracebacks of both sides, and every
    command: not in a file of the data directory, not in a log, not in any output, not in a command line.
    """
    faults = tmp_path / "faults"
    faults.mkdir()
    (faults / "sitecustomize.py").write_text(FAULTS)
    log = f'[log]\nlevel = "debug"\nformat = "{form}"\n[queue]\nretry = ["1s"]\n'
    relay = cloud.relay(tmp_path / "relay", route=ROUTES[credential].format(**cloud.facts), more=log)
    relay.environ |= {
        "MAILBOX_PASSWORD": cloud.password,
        "PYTHONPATH": f"{faults}:{os.environ.get('PYTHONPATH', '')}",
    }
    output = {
        "user add": _said(relay.command("user", "add", "copier", "--password-stdin", stdin=DEVICE_PASSWORD))
    }
    with relay:
        for mechanism in ("PLAIN", "LOGIN"):
            _as_device(relay, cloud.mailbox, password=DEVICE_PASSWORD, mechanism=mechanism)
            _as_device(relay, cloud.mailbox, password=MISTYPED, mechanism=mechanism)
        _in_the_wrong_place(relay)
        eventually(lambda: len(cloud.control.messages()) >= 2)
        _bad_days(relay, cloud, faults)
        spool_id = str(relay.command("queue", "list", "--all", "--plain").stdout.splitlines()[1].split()[0])
        for line in (*STARTS, f"queue show {spool_id}", f"explain {spool_id}"):
            output[line] = _said(relay.command(*line.split(" ", 2)))
        assert relay.process is not None
        output["command line"] = Path(f"/proc/{relay.process.pid}/cmdline").read_bytes()
    output["standard output"] = repr(relay.ready).encode()
    written = files_below(tmp_path / "relay", meant=())
    log_text = relay.log_file.read_text()

    assert [] == found(_secrets(cloud), {**written, **output})
    assert {"relay.log", "data/spool.db", "data/users"} <= set(written)
    assert "provoked in login-fault" in log_text
    assert "provoked in tls-fault" in log_text
    assert "session.failed" in log_text
    assert "route.failed" in log_text


def _said(result: subprocess.CompletedProcess[str]) -> bytes:
    return (result.stdout + result.stderr).encode()


def test_a_remote_that_repeats_our_password_does_not_spread_it(tmp_path: Path) -> None:
    """A smart host that quotes the AUTH line which it refuses: the reply is kept, the password in it is not."""
    ca = own_certificate(tmp_path / "tls", ["localhost", "127.0.0.1"], SystemClock().now())
    parrot = Impostor(context=server_context(*ca), auth_reply=b"535 5.7.8 no such login: %s\r\n")
    home = tmp_path / "relay"
    home.mkdir()
    (home / "password").write_text(REPEATED)
    with parrot.running():
        config = SMARTHOST.format(host=f"127.0.0.1:{parrot.port}").replace('tls = "none"', 'tls = "required"')
        config += f'user = "scan"\npassword = {{ file = "password" }}\nca_file = "{tmp_path}/tls/ca.pem"\n'
        with Relay(home, config + '[log]\nlevel = "debug"\n') as relay:
            relay.send(b"Subject: x\r\n\r\nhello\r\n")
            eventually(lambda: "no such login" in relay.log_file.read_text())
            output = {
                line: _said(relay.command(*line.split()))
                for line in ("status", "queue list", "queue list --json")
            }

    assert b"no such login: [secret]" in output["queue list --json"]
    assert [] == found({"password": forms(REPEATED)}, {**files_below(home, ("password",)), **output})


REFRESH = "0.AXo/Refresh+Kanarie &7=%"
ACCESS = "eyJ0eXAiOiJKV1Qi.Access/Kanarie"
PERSON_ROUTE = """[[route]]
name = "scans"
kind = "submission"
login = "mailbox"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
mailbox = "{mailbox}"
authority = "{authority}"
endpoint = "{endpoint}"
ca_file = "roots.pem"
[log]
level = "debug"
"""


def _sign_in(service: TokenService, home: Path) -> None:
    """A person has signed in: the first refresh token is kept for route `scans`."""
    scopes, client = ("https://outlook.office.com/SMTP.Send",), "7a1e0c52-0000-4000-8000-000000000000"
    application = Application(service.authority, "contoso.com", client, scopes, Way(service.ca_file))
    (home / "data").mkdir(parents=True)
    sign_in = SignIn(application, TokenStore(home / "data" / "tokens" / "scans.bin"))
    begun = sign_in.by_browser("http://localhost:5000", "")
    assert isinstance(begun, Begun)
    assert "access_token" in sign_in.finish(begun, parameters_of(service.sign_in(begun.address)))


def test_a_refresh_token_is_found_in_its_file_alone(cloud: Microsoft, tmp_path: Path) -> None:
    """Rotated, refused by Microsoft, refused by the token service, damaged on disk and forgotten, at level debug: it
    stands in tokens/scans.bin and nowhere else, and after `token forget` nowhere at all.
    """
    home = tmp_path / "relay"
    with TokenService(tmp_path / "login", refresh=REFRESH, access=ACCESS).running() as service:
        _sign_in(service, home)
        roots = Path(str(cloud.facts["ca_file"])).read_text() + Path(service.ca_file).read_text()
        (home / "roots.pem").write_text(roots)
        head = cloud.config().split("[[route]]")[0]
        facts = {
            "mailbox": cloud.mailbox,
            "authority": service.authority,
            "endpoint": cloud.facts["submission"],
        }
        with Relay(home, head + PERSON_ROUTE.format(**facts)) as relay:
            relay.send(b"Subject: x\r\n\r\nhello\r\n", sender=cloud.mailbox)
            eventually(lambda: relay.queue()[0]["recipients"][0]["last_reply"])
            lines = ["token status", "token refresh", "config show", "status", "queue list --json"]
            output = {line: _said(relay.command(*line.split())) for line in lines}
            service.refuse.append(refusal("invalid_grant", 50173))
            output["refused"] = _said(relay.command("token", "refresh", "--json"))
            kept = (home / "data" / "tokens" / "scans.bin").read_bytes()
            (home / "data" / "tokens" / "scans.bin").write_bytes(kept[:-20])
            output["damaged"] = _said(relay.command("token", "refresh"))
        secrets = {"refresh token": forms(REFRESH), "access token": forms(ACCESS)}
        spread = found(secrets, {**files_below(home, ("data/tokens/scans.bin",)), **output})
        relay.command("token", "forget")

    assert [] == spread
    assert ["refresh token in file"] == found({"refresh token": forms(REFRESH)}, {"file": kept})
    assert b"50173" in output["refused"]
    assert b"damaged file" in output["damaged"]
    assert [] == found(secrets, files_below(home, ()))


SHAPES = {
    "plain": lambda secret: secret,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "sasl-plain": lambda secret: base64.b64encode(f"\0scan\0{secret}".encode()).decode(),
    "sasl-xoauth2": lambda secret: base64.b64encode(f"user=a\x01auth=Bearer {secret}\x01\x01".encode()).decode(),
    "url": lambda secret: "client_secret=" + secret.replace("%", "%25").replace("/", "%2F").replace("+", "%2B")
    .replace(" ", "%20").replace("&", "%26").replace("=", "%3D"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_search_finds_a_secret_in_each_form(shape: str, tmp_path: Path) -> None:
    """The control: one written line with the secret in it is found, in each encoding and at each place in base64."""
    (tmp_path / "log").write_text(f"2026 INFO login {SHAPES[shape](DEVICE_PASSWORD)} x")

    assert ["password in log"] == found({"password": forms(DEVICE_PASSWORD)}, files_below(tmp_path, ()))


def test_the_search_finds_a_token(tmp_path: Path) -> None:
    """The control for tokens, whose text nobody knows before: plain and inside a SASL response."""
    token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.c2ln"
    for n, text in enumerate((f"Bearer {token}", SHAPES["sasl-xoauth2"](token))):
        (tmp_path / str(n)).write_text(text)

    assert ["token in 0", "token in 1"] == sorted(found({"token": tokens()}, files_below(tmp_path, ())))
