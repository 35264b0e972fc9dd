"""Stories of signing in: what heals without a restart, what the command says beside the service, and what is kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12

from e2e.browser import Browser
from e2e.house import Relay, eventually
from e2e.microsoft import Microsoft, microsoft

MAIL = b"Subject: x\r\n\r\nhello\r\n"
CERTIFICATE = 'certificate = {{ file = "{certificate_file}" }}\nkey = {{ file = "{key_file}" }}'
PLATFORM = {
    "workload": ('workload_token = {{ file = "{workload_token_file}" }}', {}),
    "machine": ('managed_identity = "system"', {"AZURE_POD_IDENTITY_AUTHORITY_HOST": "imds"}),
    "app service": (
        'managed_identity = "system"',
        {"IDENTITY_ENDPOINT": "endpoint", "IDENTITY_HEADER": "header"},
    ),
}
"""How the platform signs us in: the line of the route, and what the platform says in the environment."""
PFX = 'pfx = { file = "app.pfx" }\npfx_password = { file = "pfx.password" }'


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own."""
    with microsoft(tmp_path) as running:
        yield running


def _status(relay: Relay) -> tuple[int, dict[str, object]]:
    result = relay.command("token", "status", "--json")
    return result.returncode, json.loads(result.stdout)


def _write_pfx(cloud: Microsoft, directory: Path, password: str) -> None:
    """The application's certificate and key as one PKCS#12 file, as Windows and Key Vault export them."""
    directory.mkdir(exist_ok=True)
    leaf = x509.load_pem_x509_certificate(Path(str(cloud.facts["certificate_file"])).read_bytes())
    key = load_pem_private_key(Path(str(cloud.facts["key_file"])).read_bytes(), None)
    closed = BestAvailableEncryption(password.encode())
    octets = pkcs12.serialize_key_and_certificates(b"relay", key, leaf, None, closed)  # type: ignore[arg-type]
    (directory / "app.pfx").write_bytes(octets)
    (directory / "pfx.password").write_text(password)


def test_a_pkcs12_file_signs_in(cloud: Microsoft, tmp_path: Path) -> None:
    """Mail goes by it, and status reads its end without asking anybody."""
    _write_pfx(cloud, tmp_path / "relay", "Pfx+Kanarie")
    with cloud.relay(tmp_path / "relay", route=PFX) as relay:
        relay.send(MAIL, sender=cloud.mailbox)
        eventually(cloud.control.messages)
        code, found = _status(relay)
        log = relay.log_file.read_text()

    assert (0, "good", "certificate") == (code, found["verdict"], found["signs_in_by"])
    assert isinstance(found["ends"], dict)
    assert found["ends"]["what"].startswith("certificate CN=")
    assert "Kanarie" not in log


@pytest.mark.parametrize("platform", PLATFORM)
def test_the_platform_signs_in(platform: str, cloud: Microsoft, tmp_path: Path) -> None:
    """Without a secret of ours: by a workload's token, and as a managed identity of a machine and of a service."""
    route, environ = PLATFORM[platform]
    relay = cloud.relay(tmp_path / "relay", route=route.format(**cloud.facts))
    told = cloud.facts["managed_identity"]
    relay.environ |= {name: str(told[key]) for name, key in environ.items()}  # type: ignore[index]
    with relay:
        relay.send(MAIL, sender=cloud.mailbox)
        eventually(cloud.control.messages)
        eventually(lambda: not relay.queue())

    assert [cloud.mailbox] == [message["mailbox"] for message in cloud.control.messages()]


def test_rbac_for_applications_needs_no_role(cloud: Microsoft, tmp_path: Path) -> None:
    """A token without SMTP.SendAsApp sends, and `token status` calls it good and shows that it has no role."""
    cloud.control.change("/application", roles=[], rbac=True)
    with cloud.relay(tmp_path / "relay") as relay:
        relay.send(MAIL, sender=cloud.mailbox)
        eventually(cloud.control.messages)
        code, found = _status(relay)

    assert (0, "good") == (code, found["verdict"])
    assert isinstance(found["token"], dict)
    assert [] == found["token"]["roles"]


def test_a_new_secret_heals_without_a_restart(cloud: Microsoft, tmp_path: Path) -> None:
    """A refused secret holds the route and keeps the mail; the right one in the same file, and mail flows: the pause
    of the old one does not count for the new one.
    """
    home = tmp_path / "relay"
    home.mkdir()
    (home / "client.secret").write_text("not the right one")
    with cloud.relay(home, route='secret = { file = "client.secret" }') as relay:
        relay.send(MAIL, sender=cloud.mailbox)
        eventually(lambda: "AADSTS7000215" in relay.log_file.read_text())
        code, found = _status(relay)
        (home / "client.secret").write_text(str(cloud.facts["client_secret"]))
        relay.command("queue", "retry", "--all")
        eventually(cloud.control.messages)
        healed, _ = _status(relay)
        log = relay.log_file.read_text()

    assert (1, "refused", 0) == (code, found["verdict"], healed)
    assert isinstance(found["refusal"], dict)
    assert (7000215, True) == (found["refusal"]["number"], found["refusal"]["row"] is not None)
    assert 1 == log.count("token.refused")
    assert 1 == log.count("token.healed")


def test_a_new_certificate_heals_without_a_restart(cloud: Microsoft, tmp_path: Path) -> None:
    """The application's certificate was rolled; both files are replaced while the relay runs."""
    home = tmp_path / "relay"
    home.mkdir()
    for name, file in (("app.pem", "leaf.pem"), ("app.key", "leaf.key")):
        shutil.copy(_some_other(cloud, file), home / name)
    route = 'certificate = { file = "app.pem" }\nkey = { file = "app.key" }'
    with cloud.relay(home, route=route) as relay:
        relay.send(MAIL, sender=cloud.mailbox)
        eventually(lambda: "AADSTS700027" in relay.log_file.read_text())
        shutil.copy(str(cloud.facts["certificate_file"]), home / "app.pem")
        shutil.copy(str(cloud.facts["key_file"]), home / "app.key")
        relay.command("queue", "retry", "--all")
        eventually(cloud.control.messages)

    assert 1 == len(cloud.control.messages())


def _some_other(cloud: Microsoft, name: str) -> Path:
    """A pair that the application does not know, made where it is asked for."""
    from relay365.clock import SystemClock
    from relay365.net.tls import own_certificate

    made = own_certificate(cloud.directory.parent / "other", ["localhost"], SystemClock().now())
    return made[0] if name.endswith(".pem") else made[1]


def test_one_token_serves_many_messages(cloud: Microsoft, tmp_path: Path) -> None:
    """Twenty messages on two connections are one question to the token service."""
    with cloud.relay(tmp_path / "relay") as relay:
        for _ in range(20):
            relay.send(MAIL, sender=cloud.mailbox)
        eventually(lambda: len(cloud.control.messages()) == 20)

    assert 1 == cloud.control.stats()["tokens"]["requests"]


def test_an_outage_of_the_token_service_is_not_held_against_it(cloud: Microsoft, tmp_path: Path) -> None:
    """503 at the first question: the mail waits, status says that nobody has to heal anything (exit 3)."""
    cloud.control.set_mood(name="token-outage", status=503)
    with cloud.relay(tmp_path / "relay") as relay:
        relay.send(MAIL, sender=cloud.mailbox)
        eventually(lambda: "AADSTS90033" in relay.log_file.read_text())
        code, found = _status(relay)

    assert (3, "unwell") == (code, found["verdict"])
    assert ["queued"] == [one["state"] for message in relay.queue() for one in message["recipients"]]


PERSON = 'name = "scans"\nlogin = "mailbox"'


@pytest.mark.parametrize("way", ["browser", "paste"])
def test_a_person_signs_in_beside_a_running_relay(way: str, cloud: Microsoft, tmp_path: Path) -> None:
    """Mail waits while nobody has signed in; after `token login` at the terminal it goes, without a restart."""
    browser = Browser(cloud)
    with cloud.relay(tmp_path / "relay", route=PERSON) as relay:
        relay.send(MAIL, sender=cloud.mailbox)
        eventually(
            lambda: "token.refused route=scans error=interaction_required" in relay.log_file.read_text()
        )
        arguments = [
            "token",
            "login",
            "--config",
            str(relay.config_file),
            *(["--paste"] if way == "paste" else []),
        ]
        command = subprocess.Popen(
            [sys.executable, "-m", "relay365", *arguments], env=relay.environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert command.stderr is not None
        page = browser.accept(command.stderr.readline().split()[-1])
        if way == "browser":
            browser.go_on(page)
        said, _ = command.communicate(f"{page}\n" if way == "paste" else None, timeout=30.0)
        relay.command("queue", "retry", "--all")
        eventually(cloud.control.messages)
        code, found = _status(relay)

    assert (0, True) == (command.returncode, f"scans: signed in as {cloud.mailbox}" in said)
    assert (0, "sign-in of a person", False) == (code, found["signs_in_by"], found["asked"])
    assert isinstance(found["token"], dict)
    assert ["SMTP.Send"] == [role for role in found["token"]["roles"] if "." in role]
    assert 1 == len(cloud.control.messages())
