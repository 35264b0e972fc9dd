"""What outlives a restart, and the files that are written for others."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from relay365.emulator.folder import Folder
from relay365.emulator.scenario import Mailbox
from relay365.errors import DataInUseError
from unit.emulator.conftest import AT


def _folder(path: Path) -> Folder:
    folder = Folder(path / "directory")
    folder.take()
    return folder


def test_the_identity_stays(tmp_path: Path) -> None:
    """Names, secret and certificates are made once; about to end, a leaf is made anew under the same authority."""
    folder = _folder(tmp_path)
    first, second = folder.identity(AT), folder.identity(AT)
    later = folder.identity(AT + 370 * 86400)

    assert (first.tenant_id, first.client_id, first.secret) == (
        second.tenant_id, second.client_id, second.secret,
    )  # fmt: skip
    assert first.authority.certificate == second.authority.certificate == later.authority.certificate
    assert first.leaf.certificate == second.leaf.certificate != later.leaf.certificate
    assert first.secret not in repr(first)


def test_two_on_one_directory(tmp_path: Path) -> None:
    """The second emulator on a directory is refused; after release it may have it."""
    first = _folder(tmp_path)
    with pytest.raises(DataInUseError):
        _folder(tmp_path)
    first.release()
    first.release()

    _folder(tmp_path).release()


def test_passwords_are_kept_and_the_scenario_wins(tmp_path: Path) -> None:
    """A password that was made is the same after a restart; one of the scenario is taken as it is."""
    folder, mailboxes = _folder(tmp_path), (Mailbox(address="A@b"), Mailbox(address="c@d", password="given"))
    first, second = folder.with_passwords(mailboxes), folder.with_passwords(mailboxes)

    assert first == second
    assert ("given", True) == (first[1].password, len(first[0].password) >= 12)


def _facts(folder: Folder) -> dict[str, Any]:
    return {
        "authority": "https://127.0.0.1:3", "graph": "https://127.0.0.1:5", "submission": "127.0.0.1:2",
        "tenant": 'quo"ted.com', "client_id": "id",
        "control": "http://127.0.0.1:4", "mailboxes": [{"address": "scan@contoso.com"}], **folder.facts(),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["plain", 'ap"ost', "Büro 📠", "back\\slash"])
def test_the_files_for_others(tmp_path: Path, name: str) -> None:
    """emulator.json holds the facts; relay365.toml is TOML whatever characters the facts have; paths are absolute."""
    tmp_path = tmp_path / name
    tmp_path.mkdir()
    folder = _folder(tmp_path)
    folder.publish(_facts(folder))
    path = tmp_path / "directory"
    relay = tomllib.loads((path / "relay365.toml").read_text("utf-8"))

    assert _facts(folder) == json.loads((path / "emulator.json").read_text("utf-8"))
    assert ("submission", 'quo"ted.com', "127.0.0.1:2", {"file": str(path / "client.secret")}) == (
        relay["route"][0]["kind"], relay["route"][0]["tenant"], relay["route"][0]["endpoint"],
        relay["route"][0]["secret"],
    )  # fmt: skip
    assert "https://127.0.0.1:5" == relay["route"][0]["graph_endpoint"]
    assert all(Path(value).is_absolute() for value in folder.facts().values())


def test_the_last_ports(tmp_path: Path) -> None:
    """The ports of the last run are known, and nothing where there was none or the file is damaged."""
    folder = _folder(tmp_path)
    before = folder.last_ports()
    folder.publish(_facts(folder))
    known = folder.last_ports()
    (tmp_path / "directory" / "emulator.json").write_text("{")

    assert ({}, {"submission": 2, "authority": 3, "graph": 5, "control": 4}, {}) == (
        before,
        known,
        folder.last_ports(),
    )


def test_the_connector_certificate(tmp_path: Path) -> None:
    """It is made once for a domain: leaf and intermediate, each signed by the next, up to the public root."""
    folder = Folder(tmp_path)
    folder.take()
    identity = folder.identity(AT)
    folder.connector_files(identity, "contoso.com", AT)
    first = (tmp_path / "connector.pem").read_bytes()
    leaf, middle = x509.load_pem_x509_certificates(first)
    folder.connector_files(identity, "contoso.com", AT)
    second = (tmp_path / "connector.pem").read_bytes()
    folder.connector_files(identity, "fabrikam.example", AT)
    third = (tmp_path / "connector.pem").read_bytes()
    folder.release()

    leaf.verify_directly_issued_by(middle)
    middle.verify_directly_issued_by(identity.public_root.certificate)
    assert (tmp_path / "connector-leaf.pem").read_bytes() in third
    assert (True, False) == (first == second, first == third)
