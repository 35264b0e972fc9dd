"""A new certificate for the application, with an overlap: added by itself, proved, and only then used.

An application needs no permission to roll its own keys, but a proof that it has a present one: a JWT signed with it.
The old certificate stays with Entra until it ends, so that nothing stops if this machine is set back.
(Microsoft Graph: "application: addKey": claims aud 00000002-0000-0000-c000-000000000000, iss the object id of the
application, exp ten minutes after nbf; "An application does not need any specific permission to roll its own keys")
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from relay365.errors import Relay365Error
from relay365.setup.keys import AppKey

AUDIENCE = "00000002-0000-0000-c000-000000000000"
PROOF_S = 600

Post = Callable[[str, str, dict[str, Any]], tuple[int, str]]
"""address, token, body -> HTTP status, text; raises OSError."""


class NotRotated(Relay365Error):
    """The new certificate was not taken; the old one is in use as before. do: what heals it, "" for the usual."""

    def __init__(self, what: str, why: str, do: str = "") -> None:
        self.what, self.why, self.do = what, why, do
        super().__init__(f"{what}: {why}")


@dataclass(frozen=True, slots=True)
class Registration:
    """The application as Graph knows it. object_id: of the registration, not of the enterprise application."""

    graph: str
    client: str
    object_id: str


def proof(key_file: Path, object_id: str, now: float) -> str:
    """A JWT that proves possession of the present key."""
    import jwt
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    pem = key_file.read_bytes()
    print_ = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA1())  # noqa: S303  # x5t is SHA-1 by definition
    claims = {"aud": AUDIENCE, "iss": object_id, "nbf": int(now), "exp": int(now) + PROOF_S}
    thumbprint = base64.urlsafe_b64encode(print_).rstrip(b"=").decode("ascii")
    return jwt.encode(claims, _private_pem(pem), "RS256", headers={"x5t": thumbprint})


def add_key(
    registration: Registration, present: Path, fresh: AppKey, ask: tuple[str, Post], now: float
) -> str:
    """Add the certificate; gives its key id, "" where the answer has none. ask: a token for Graph, and who posts.

    Raises NotRotated.
    """
    token, post = ask
    address = (
        f"{registration.graph.rstrip('/')}/v1.0/applications(appId='{quote(registration.client)}')/addKey"
    )
    body = {
        "keyCredential": {
            "type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(fresh.der).decode("ascii"),
            "displayName": fresh.name,
        },
        "passwordCredential": None,
        "proof": proof(present, registration.object_id, now),
    }  # fmt: skip
    try:
        status, text = post(address, token, body)
    except OSError as error:
        raise NotRotated("Graph cannot be reached", str(error)) from error
    if status not in (200, 201):
        raise NotRotated(f"Graph refused the new certificate (HTTP {status})", _reason(text))
    return _key_id(text)


def take_over(present: Path, fresh: Path) -> Path:
    """Use the new pair from now on; the old one stays beside it with .old. One rename: no instant is without."""
    kept = present.with_name(present.name + ".old")
    kept.unlink(missing_ok=True)
    kept.hardlink_to(present)
    fresh.replace(present)
    return kept


def _private_pem(pem: bytes) -> bytes:
    """The private key alone: PyJWT reads the first block that it meets."""
    begin = pem.index(b"-----BEGIN PRIVATE KEY")
    end = pem.index(b"-----END PRIVATE KEY-----") + len(b"-----END PRIVATE KEY-----\n")
    return pem[begin:end]


def _reason(text: str) -> str:
    try:
        found = json.loads(text)["error"]
        return f"{found.get('code', '')}: {found.get('message', '')}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return " ".join(text.split())[:300] or "no reason was given"


def _key_id(text: str) -> str:
    try:
        return str(json.loads(text).get("keyId") or "")
    except (ValueError, AttributeError):
        return ""
