"""A route's certificate: what a connector would refuse is refused here, and a renewed one is shown."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from relay365.net.chain import ClientIdentity, check_chain
from relay365.net.tls import own_certificate

NOW = 1_795_000_000.0


@dataclass(frozen=True)
class Papers:
    """Made by openssl, so that no code of ours vouches for itself: root, middle and leaf as PEM, and the leaf's key."""

    root: bytes
    middle: bytes
    leaf: bytes
    key: Path


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")

    def make(name: str, issuer: str = "", extension: str = "basicConstraints=critical,CA:true") -> bytes:
        signed = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"] if issuer else []
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-config", "/dev/null", "-addext", extension, "-keyout", f"{name}.key", "-out", f"{name}.pem", *signed,
            ],
            cwd=folder, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        return (folder / f"{name}.pem").read_bytes()

    root, middle = make("root"), make("middle", "root")
    return Papers(root, middle, make("relay.contoso.test", "middle", "basicConstraints=CA:false"),
                  folder / "relay.contoso.test.key")  # fmt: skip


def test_a_whole_chain_is_good_with_and_without_its_root(papers: Papers) -> None:
    """The root is known to whoever asks."""
    check_chain(papers.leaf + papers.middle)
    check_chain(papers.leaf + papers.middle + papers.root)


def test_what_a_connector_refuses_is_named(papers: Papers) -> None:
    """A leaf alone, a gap, a wrong order, a certificate that vouches for itself, and what is none."""
    for chain, reason in (
        (papers.leaf, "CN=relay.contoso.test alone, without that of its issuer CN=middle"),
        (
            papers.leaf + papers.root,
            "behind CN=relay.contoso.test comes CN=root, and not its issuer CN=middle",
        ),
        (
            papers.middle + papers.leaf,
            "behind CN=middle comes CN=relay.contoso.test, and not its issuer CN=root",
        ),
        (papers.root, "CN=root is signed by itself"),
        (b"no certificate", "PEM"),
    ):
        with pytest.raises(ValueError, match=reason):
            check_chain(chain)


def test_a_renewed_chain_is_shown_and_a_useless_one_is_not(papers: Papers, tmp_path: Path) -> None:
    """The context is made anew when the file has changed, unless the chain is one that would be refused."""
    file = tmp_path / "chain.pem"
    file.write_bytes(papers.leaf + papers.middle)
    identity = ClientIdentity(file, papers.key)
    first = identity.context
    assert isinstance(first, ssl.SSLContext)
    assert None is identity.look(NOW)

    _put(file, papers.leaf)
    assert None is identity.look(NOW)
    assert first is identity.context

    _put(file, papers.leaf + papers.middle + papers.root)
    fresh = identity.look(NOW)
    assert fresh is identity.context
    assert fresh is not first


def test_a_key_of_another_certificate_is_no_use(papers: Papers, tmp_path: Path) -> None:
    """Said at the start, not at the first message."""
    _, other = own_certificate(tmp_path / "own", ["x.test"], NOW)
    file = tmp_path / "chain.pem"
    file.write_bytes(papers.leaf + papers.middle)
    with pytest.raises(ssl.SSLError):
        ClientIdentity(file, other)


def _put(file: Path, octets: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(octets)
    fresh.replace(file)
