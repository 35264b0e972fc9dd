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
