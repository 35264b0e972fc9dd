"""A certificate authority of the test's own, made with openssl, so that no code of ours vouches for itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clients.order import run


@dataclass(frozen=True)
class Authority:
    """Files: ca, and certificate and key for 127.0.0.1 signed by it."""

    ca: Path
    certificate: Path
    key: Path


def authority(folder: Path) -> Authority:
    """Make one in a folder that is there."""
    ca, ca_key, certificate, key = (
        folder / name for name in ("ca.pem", "ca.key", "server.pem", "server.key")
    )
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    run([*new, "-subj", "/CN=interop authority", "-keyout", str(ca_key), "-out", str(ca)])
    run([
        *new, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-addext", "basicConstraints=critical,CA:false", "-CA", str(ca), "-CAkey", str(ca_key),
        "-keyout", str(key), "-out", str(certificate),
    ])  # fmt: skip
    return Authority(ca, certificate, key)


@dataclass(frozen=True)
class Papers:
    """A client's files: root, whole chain (leaf and intermediate), the leaf alone, and its key."""

    root: Path
    chain: Path
    leaf: Path
    key: Path


def papers(folder: Path, name: str) -> Papers:
    """A certificate for a client, as a public authority issues it: root, intermediate, leaf."""
    _issue(folder, "root", "critical,CA:true")
    _issue(folder, "intermediate", "critical,CA:true", "root")
    _issue(folder, "leaf", "critical,CA:false", "intermediate", name)
    chain = folder / "chain.pem"
    chain.write_bytes((folder / "leaf.pem").read_bytes() + (folder / "intermediate.pem").read_bytes())
    return Papers(folder / "root.pem", chain, folder / "leaf.pem", folder / "leaf.key")


def _issue(folder: Path, file: str, constraints: str, issuer: str = "", name: str = "") -> None:
    signed = ["-CA", str(folder / f"{issuer}.pem"), "-CAkey", str(folder / f"{issuer}.key")] if issuer else []
    names = ["-addext", f"subjectAltName=DNS:{name}"] if name else []
    run([
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name or file}",
        "-config", "/dev/null", "-addext", f"basicConstraints={constraints}", *names,
        "-keyout", str(folder / f"{file}.key"), "-out", str(folder / f"{file}.pem"), *signed,
    ])  # fmt: skip
