"""`connector verify` and the wizard's road by certificate, against the emulator's MX host and its connectors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.administrator import Administrator, relay365
from e2e.house import Relay
from e2e.microsoft import Microsoft, microsoft


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """A tenant with a connector for relay.contoso.com."""
    with microsoft(tmp_path) as found:
        yield found


def _config(cloud: Microsoft, **keys: str) -> str:
    facts = cloud.facts
    given = {
        "host": f'"{facts["mx"]}"', "ca_file": f'"{facts["ca_file"]}"',
        "certificate": f'{{ file = "{facts["connector_certificate_file"]}" }}',
        "key": f'{{ file = "{facts["connector_key_file"]}" }}', **keys,
    }  # fmt: skip
    route = "".join(f"{key} = {value}\n" for key, value in given.items() if value)
    return (
        '[server]\ndata = "./data"\n[[listener]]\naddress = "127.0.0.1:0"\n[[allow]]\nnetwork = "127.0.0.0/8"\n'
        f'[sender]\ndomains = ["contoso.com"]\n[[route]]\nkind = "connector"\n{route}'
    )


def _verify(cloud: Microsoft, folder: Path, **keys: str) -> tuple[int, list[dict[str, str]]]:
    folder.mkdir(exist_ok=True)
    done = Relay(folder, _config(cloud, **keys)).command("connector", "verify", "--json")
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_connector_that_works(cloud: Microsoft, tmp_path: Path) -> None:
    """Chain, our envelope taken, the same without certificate refused with 5.7.64; and nothing was sent."""
    code, steps = _verify(cloud, tmp_path / "relay")

    assert (0, ["good"] * 3) == (code, [step["state"] for step in steps])
    assert ["certificate and chain", "relays for us", "refuses others"] == [step["step"] for step in steps]
    assert "5.7.64" in steps[2]["text"]
    assert [] == cloud.control.messages()


def test_a_leaf_without_its_chain(cloud: Microsoft, tmp_path: Path) -> None:
    """The usual mistake is named before anybody is asked."""
    leaf = f'{{ file = "{cloud.facts["connector_leaf_file"]}" }}'
    code, steps = _verify(cloud, tmp_path / "relay", certificate=leaf)

    assert (1, ["refused"]) == (code, [step["state"] for step in steps])
    assert "without that of its issuer" in steps[0]["text"]


def test_known_by_nothing(cloud: Microsoft, tmp_path: Path) -> None:
    """Without a certificate, and with no connector for this address, the MX host refuses us: 5.7.64 with its cure."""
    code, steps = _verify(cloud, tmp_path / "relay", certificate="", key="")

    assert (1, "refused") == (code, steps[0]["state"])
    assert "5.7.64" in steps[0]["text"]
    assert steps[0]["row"]


def test_a_connector_for_everybody(tmp_path: Path) -> None:
    """Where this address is known, too, whoever shares it may send as the tenant: that is a finding."""
    by_certificate = '[[connector]]\nname = "b"\ncertificate = "relay.contoso.com"\n'
    scenario = f'[[connector]]\nsender_ips = ["127.0.0.1"]\n{by_certificate}'
    with microsoft(tmp_path, scenario) as cloud:
        code, steps = _verify(cloud, tmp_path / "relay")

    assert (1, ["good", "good", "refused"]) == (code, [step["state"] for step in steps])
    assert "without our certificate it was taken, too" in steps[2]["text"]


def test_by_address(tmp_path: Path) -> None:
    """By address alone our domain is taken and a foreign one is refused."""
    with microsoft(tmp_path, '[[connector]]\nsender_ips = ["127.0.0.1"]\n') as cloud:
        code, steps = _verify(cloud, tmp_path / "relay", certificate="", key="")

    assert (0, ["good", "good"]) == (code, [step["state"] for step in steps])


def test_nobody_there(cloud: Microsoft, tmp_path: Path) -> None:
    """A port that does not answer is unknown, not refused: exit 3, with the usual reason."""
    code, steps = _verify(cloud, tmp_path / "relay", host='"127.0.0.1:1"')

    assert (3, "unknown") == (code, steps[-1]["state"])
    assert "providers block port 25" in steps[-1]["do"]


def test_the_wizard_by_certificate(cloud: Microsoft, tmp_path: Path) -> None:
    """Road certificate: the connector's script is run, the connector is proved, and a mail goes outside."""
    folder, facts = tmp_path / "clean", cloud.facts
    folder.mkdir()
    admin = Administrator(cloud, folder, "relay365-connector.ps1")
    admin.tenant.changed = lambda: None
    admin.start()
    (folder / "answers.toml").write_text(
        'road = "certificate"\nmailbox = "scan@contoso.com"\nnetworks = ["127.0.0.0/8"]\nlisteners = ["127.0.0.1:0"]\n'
        f'data = "data"\nresult = "result.txt"\nwait = "60s"\ntest_to = "lena@fabrikam.com"\n'
        f'host = "{facts["mx"]}"\nca_file = "{facts["ca_file"]}"\ncertificate_name = "relay.contoso.com"\n'
        f'certificate = "{facts["connector_certificate_file"]}"\nkey = "{facts["connector_key_file"]}"\n',
        "utf-8",
    )
    done = relay365(folder, "init", "--answers", "answers.toml", "--config", "relay365.toml")
    admin.join()

    assert done.returncode == 0, done.stdout + done.stderr
    assert ["relay.contoso.com"] == [one["TlsSenderCertificateName"] for one in admin.tenant.connectors]
    assert [["lena@fabrikam.com"]] == [mail["recipients"] for mail in cloud.control.messages()]


def test_plan(cloud: Microsoft, tmp_path: Path) -> None:
    """It knocks at the MX host, reads the certificate, and recommends what fits; each verdict has its reason."""
    facts = cloud.facts
    asked = ("connector", "plan", "--domain", "contoso.com", "--mx", str(facts["mx"]))
    own = ("--certificate", str(facts["connector_certificate_file"]))
    many = relay365(tmp_path, *asked, *own, "--per-minute", "200", "--json")
    few = relay365(tmp_path, *asked, "--json")
    shut = relay365(
        tmp_path, "connector", "plan", "--domain", "contoso.com", "--mx", "127.0.0.1:1", *own, "--json"
    )

    found = [
        {one["road"]: one["fit"] for one in json.loads(done.stdout)["roads"]} for done in (many, few, shut)
    ]
    assert ("recommended", "does not fit") == (found[0]["certificate"], found[0]["application"])
    assert "recommended" == found[1]["application"]
    assert "does not fit" == found[2]["certificate"]
    assert re.search("relay.contoso.com", json.loads(many.stdout)["notes"][1])


def test_the_scripts_of_the_command(tmp_path: Path) -> None:
    """connector script and undo print PowerShell; what could never work is refused with exit 2."""
    made = relay365(
        tmp_path, "connector", "script", "--domain", "contoso.com", "--certificate-name", "relay.contoso.com"
    )
    undone = relay365(tmp_path, "connector", "undo", "--folder", str(tmp_path / "out"))
    foreign = relay365(
        tmp_path, "connector", "script", "--domain", "contoso.com", "--certificate-name", "a.fabrikam.com"
    )
    private = relay365(tmp_path, "connector", "script", "--domain", "contoso.com", "--address", "192.168.1.1")

    assert (0, 0, 2, 2) == (made.returncode, undone.returncode, foreign.returncode, private.returncode)
    assert "New-InboundConnector -Name $connectorName -ConnectorType OnPremises" in made.stdout
    assert "Remove-InboundConnector" in (tmp_path / "out" / "relay365-connector-undo.ps1").read_text("utf-8")
    assert "a name in the accepted domain contoso.com" in foreign.stderr
    assert "found the private 192.168.1.1" in private.stderr
