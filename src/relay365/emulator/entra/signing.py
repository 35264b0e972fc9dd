"""Tokens as octets: signs access and ID tokens, and reads them back as Exchange and Graph do.

It is apart because three services read what one signs. Who may have which token is decided in tokens.
(Microsoft: "Access tokens in the Microsoft identity platform"; RFC 7515, RFC 7517, RFC 7519)
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from relay365.clock import Clock
from relay365.emulator.folder import Identity

CLOCK_SKEW_S = 300.0  # Entra forgives five minutes, and so does who reads its tokens


class BadTokenError(Exception):
    """A token that its reader does not take; its words say why."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says. user is "" for an application by itself; roles are its own, scopes a user's."""

    audience: str
    client_id: str
    user: str
    roles: frozenset[str]
    scopes: frozenset[str]
    expires_at: float


class Signer:
    """One signing key. base is the https address of the service, known once the socket is bound.

    offset_s: by how much the clock of who signs is ahead of that of those who read.
    """

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self.base = ""
        self.offset_s = 0.0
        self._identity, self._clock = identity, clock
        self._key_id = thumbprints(identity.signing.certificate)[1]

    def issuer(self) -> str:
        """The issuer that the discovery document names."""
        return f"{self.base}/{self._identity.tenant_id}/v2.0"

    def keys(self) -> dict[str, Any]:
        """The signing key as a JSON Web Key Set (RFC 7517)."""
        public = public_key(self._identity.signing.certificate)
        key = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
        return {
            "keys": [{**key, "use": "sig", "kid": self._key_id, "x5t": self._key_id, "issuer": self.issuer()}]
        }

    def sign(self, claims: dict[str, Any], life_s: float) -> str:
        """Any token of this key: the claims with iat, nbf and exp."""
        now = int(self._clock.now() + self.offset_s)
        key = self._identity.signing.key
        times = {"iat": now, "nbf": now, "exp": now + int(life_s)}
        return jwt.encode(
            times | claims, key, algorithm="RS256", headers={"kid": self._key_id, "x5t": self._key_id}
        )

    def access_token(self, claims: dict[str, Any], life_s: float) -> str:
        """An access token in the form of version 1.0, as Exchange Online and Graph get it."""
        tenant = self._identity.tenant_id
        sts = f"https://sts.windows.net/{tenant}/"
        common = {"iss": sts, "idp": sts, "tid": tenant, "uti": uuid.uuid4().hex, "ver": "1.0"}
        return self.sign(common | claims, life_s)

    def read(self, token: str, audiences: tuple[str, ...]) -> Claims:
        """The claims of an access token for one of these audiences; raises BadTokenError."""
        identity = self._identity
        try:
            claims: dict[str, Any] = jwt.decode(
                token, public_key(identity.signing.certificate), algorithms=["RS256"], audience=list(audiences),
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "tid"]},
            )  # fmt: skip
        except jwt.InvalidAudienceError as error:
            raise BadTokenError("the token is for another audience") from error
        except jwt.InvalidTokenError as error:
            raise BadTokenError(f"the token cannot be read: {error}") from error
        if float(claims["exp"]) <= self._clock.now():
            raise BadTokenError("the token has expired")
        if float(claims.get("nbf", 0.0)) > self._clock.now() + CLOCK_SKEW_S:
            raise BadTokenError("the token is not valid yet")
        if claims["tid"] != identity.tenant_id:
            raise BadTokenError("the token is from another tenant")
        return Claims(
            str(claims["aud"]), str(claims.get("appid", "")), str(claims.get("upn", "")),
            frozenset(claims.get("roles", ())), frozenset(str(claims.get("scp", "")).split()), float(claims["exp"]),
        )  # fmt: skip


def object_id(tenant_id: str, name: str) -> str:
    """The object id of a user, or of anything else with a name; the same in every run."""
    return str(uuid.uuid5(uuid.UUID(tenant_id), name.lower()))


def public_key(certificate: Any) -> rsa.RSAPublicKey:
    """The RSA key of a certificate; raises TypeError where it has none."""
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("the certificate has no RSA key")
    return key


def thumbprints(certificate: Any) -> tuple[str, str]:
    """SHA-256 and SHA-1 thumbprint in base64url without padding."""
    digests = (certificate.fingerprint(one) for one in (hashes.SHA256(), hashes.SHA1()))  # noqa: S303 - x5t is SHA-1 by definition (RFC 7515 4.1.7)
    first, second = (base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=") for digest in digests)
    return first, second
