"""A certificate that renews itself: added by the application, proved, and used by a relay that goes on running."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest
from cryptography import x509

from e2e.house import Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from relay365.setup.keys import LIFE_DAYS, make_key, read_key
from relay365.setup.rotation import AUDIENCE

REGISTRATION = "1f2e3d4c-0000-4000-8000-00000000000a"
NOW = 1_796_000_000.0


class Graph:
    """Microsoft Graph's addKey, as its page says: it wants a token and a proof by a present certificate."""

    def __init__(self, cloud: Microsoft) -> None:
        self.cloud, self.refuses, self.n_asked = cloud, False, 0
        self.certificates: list[str] = []

    def add_key(self, path: str, token: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        self.n_asked += 1
        if self.refuses or not token.startswith("Bearer ey"):
            return 401, {"error": {"code": "Authentication_MissingOrMalformed", "message": "no"}}
        assert f"/v1.0/applications(appId='{self.cloud.facts['client_id']}')/addKey" == path
        public = x509.load_pem_x509_certificate(self.certificates[-1].encode()).public_key()
        claims = jwt.decode(str(body["proof"]), public, algorithms=["RS256"], audience=AUDIENCE)  # type: ignore[arg-type]
        assert (REGISTRATION, 600) == (claims["iss"], claims["exp"] - claims["nbf"])
        key = body["keyCredential"]
        assert isinstance(key, dict)
        self.upload(ssl.DER_cert_to_PEM_cert(base64.b64decode(str(key["key"]))))
        return 200, {"keyId": "b1a3c5d7-0000-4000-8000-000000000001"}

    def upload(self, pem: str) -> None:
        """One more certificate; those before stay."""
        self.certificates.append(pem)
        self.cloud.control.change("/application", certificates=self.certificates)


@contextmanager
def _serving(graph: Graph) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = graph.add_key(self.path, self.headers.get("Authorization", ""), body)
            octets = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(graph.cloud.directory / "server.pem", graph.cloud.directory / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """A Microsoft 365."""
    with microsoft(tmp_path) as found:
        yield found


@pytest.fixture
def graph(cloud: Microsoft) -> Graph:
    """Its Graph, beside the emulator's."""
    return Graph(cloud)


def _relay(cloud: Microsoft, graph: Graph, address: str, folder: Path) -> Relay:
    """A relay whose application has a certificate that was made here."""
    folder.mkdir()
    key = make_key(folder / "app.pem", "srv-relay", NOW)
    graph.upload(ssl.DER_cert_to_PEM_cert(key.der))
    own = 'certificate = { file = "app.pem" }\nkey = { file = "app.pem" }'
    text = re.sub(r"(?m)^graph_endpoint = .*\n", "", cloud.config(route=own))
    return Relay(folder, f'{text}graph_endpoint = "{address}"\n')


def test_a_certificate_renews_itself_while_mail_goes_on(
    cloud: Microsoft, graph: Graph, tmp_path: Path
) -> None:
    """app rotate adds the next certificate, proves it, and swaps it in; the running relay sends before and after."""
    with _serving(graph) as address, _relay(cloud, graph, address, tmp_path / "relay") as relay:
        before = read_key(relay.directory / "app.pem")
        relay.send(b"Subject: before\r\n\r\n1\r\n")
        done = relay.command("app", "rotate", "--registration", REGISTRATION, "--json")
        assert done.returncode == 0, done.stderr
        after = read_key(relay.directory / "app.pem")
        cloud.control.change("/application", certificates=graph.certificates[1:])
        relay.send(b"Subject: after\r\n\r\n2\r\n")

        assert 2 == len(eventually(lambda: len(cloud.control.messages()) == 2 and cloud.control.messages()))
        assert before.der != after.der
        assert before.der == read_key(relay.directory / "app.pem.old").der
        assert {"renewed": True}.items() <= json.loads(done.stdout).items()
        assert [] == list(relay.directory.glob("*.next"))
        assert 0 == relay.command("app", "verify").returncode


def test_the_old_one_serves_until_the_new_one_is_proved(
    cloud: Microsoft, graph: Graph, tmp_path: Path
) -> None:
    """Where Graph refuses, nothing changes; a script for an administrator gives the same key, and is enough."""
    graph.refuses = True
    with _serving(graph) as address:
        relay = _relay(cloud, graph, address, tmp_path / "relay")
        before = (relay.directory / "app.pem").read_bytes()
        refused = relay.command("app", "rotate", "--registration", REGISTRATION)
        assert (1, before) == (refused.returncode, (relay.directory / "app.pem").read_bytes())
        assert "Authentication_MissingOrMalformed" in refused.stderr

        script = relay.command("app", "rotate", "--script").stdout
        (key,) = re.findall(r"\$certificate = '([^']+)'", script)
        graph.upload(ssl.DER_cert_to_PEM_cert(base64.b64decode(key)))
        asked = graph.n_asked
        done = relay.command("app", "rotate")

    assert (0, asked) == (done.returncode, graph.n_asked)
    assert key == base64.b64encode(read_key(relay.directory / "app.pem").der).decode()


def test_nothing_to_do_yet(cloud: Microsoft, graph: Graph, tmp_path: Path) -> None:
    """A timer may call it every day: far from its end nothing is asked."""
    with _serving(graph) as address:
        relay = _relay(cloud, graph, address, tmp_path / "relay")
        done = relay.command("app", "rotate", "--if-due")

    assert (0, 0) == (done.returncode, graph.n_asked)
    assert "nothing to do yet" in done.stdout


def test_without_the_object_id(cloud: Microsoft, graph: Graph, tmp_path: Path) -> None:
    """An application that init has not made: it is said which id is missing and where it stands."""
    with _serving(graph) as address:
        relay = _relay(cloud, graph, address, tmp_path / "relay")
        done = relay.command("app", "rotate")

    assert 1 == done.returncode
    assert "App registrations, Object ID" in done.stderr


def test_a_secret_cannot_be_rotated(cloud: Microsoft, tmp_path: Path) -> None:
    """A route with a client secret has no certificate to renew: exit 2."""
    relay = cloud.relay(tmp_path / "relay")
    done = relay.command("app", "rotate")

    assert 2 == done.returncode
    assert "no route signs in with a certificate" in done.stderr


def test_the_relay_renews_it_by_itself(cloud: Microsoft, graph: Graph, tmp_path: Path) -> None:
    """With renew = true, thirty days before its end: once, proved, with an overlap, while mail goes on."""
    with _serving(graph) as address:
        relay = _relay(cloud, graph, address, tmp_path / "relay")
        old = make_key(relay.directory / "app.pem", "srv-relay", time.time() - (LIFE_DAYS - 29) * 86_400.0)
        graph.upload(ssl.DER_cert_to_PEM_cert(old.der))
        text = relay.config_file.read_text()
        relay.config_file.write_text(f'{text}renew = true\nregistration = "{REGISTRATION}"\n')
        with relay:
            relay.send(b"Subject: before\r\n\r\n1\r\n")
            eventually(lambda: "credential.renewed" in relay.log_file.read_text())
            cloud.control.change("/application", certificates=graph.certificates[-1:])
            status = relay.command("token", "status", "--json")
            relay.send(b"Subject: after\r\n\r\n2\r\n")
            eventually(lambda: len(cloud.control.messages()) == 2)
        with relay:  # another life finds nothing to do
            relay.send(b"Subject: later\r\n\r\n3\r\n")
            eventually(lambda: len(cloud.control.messages()) == 3)

    present = read_key(relay.directory / "app.pem")
    assert old.der == read_key(relay.directory / "app.pem.old").der != present.der
    assert present.ends_at - time.time() > 700 * 86_400.0
    assert 1 == graph.n_asked
    assert 0 == status.returncode, status.stderr
    found = json.loads(status.stdout)
    assert (
        30 == (datetime.fromisoformat(found["ends"]["at"]) - datetime.fromisoformat(found["renews_at"])).days
    )


CHANNEL = '[[alerts.channel]]\nkind = "syslog"\naddress = "udp://127.0.0.1:9"\n'


def test_a_renewal_that_fails_is_said_and_alarmed(cloud: Microsoft, graph: Graph, tmp_path: Path) -> None:
    """Graph refuses it: the old certificate goes on serving, the log and the alert say why."""
    graph.refuses = True
    with _serving(graph) as address:
        relay = _relay(cloud, graph, address, tmp_path / "relay")
        old = make_key(relay.directory / "app.pem", "srv-relay", time.time() - (LIFE_DAYS - 25) * 86_400.0)
        graph.upload(ssl.DER_cert_to_PEM_cert(old.der))
        text = relay.config_file.read_text()
        relay.config_file.write_text(f'{text}renew = true\nregistration = "{REGISTRATION}"\n{CHANNEL}')
        with relay:
            eventually(lambda: "credential.not-renewed" in relay.log_file.read_text())
            relay.send(b"Subject: still\r\n\r\n1\r\n")
            eventually(lambda: len(cloud.control.messages()) == 1)
            alarm = eventually(lambda: relay.command("alerts", "list").stdout.count("does not renew itself"))

    assert old.der == read_key(relay.directory / "app.pem").der
    assert alarm == 1
