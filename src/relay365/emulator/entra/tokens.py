"""The rules of the token endpoint: who gets which token, and whether a token that comes back is good. No HTTP.

Client credentials with a secret or with a signed assertion. Assertions are really checked: key, signature, issuer,
audience, time; PS256 as documented and RS256 as older libraries sign; x5t#S256 or x5t, with and without padding,
because MSAL for Python pads it against RFC 7515. Entra accepts an assertion again while it is valid (MSAL relies on
that), so using one twice is refused only where the scenario asks for it.
(Microsoft: "Microsoft identity platform and the OAuth 2.0 client credentials flow"; "Microsoft identity platform
application authentication certificate credentials"; RFC 7523 3)
"""

from __future__ import annotations

import base64
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.window import MINUTE_S, Sliding

OUTLOOK = ("https://outlook.office365.com", "https://outlook.office.com")
RESOURCES = (*OUTLOOK, "https://graph.microsoft.com", "https://ps.outlook.com")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLOCK_SKEW_S = 300.0  # Entra forgives five minutes
SUFFIX = "/.default"


@dataclass(frozen=True, slots=True)
class Granted:
    """A token and its life. The token never appears in repr."""

    token: str = field(repr=False)
    life_s: int


class Tokens:
    """Gives tokens and judges them."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self.base = ""  # https base address, known once the socket is bound
        self._directory, self._clock = directory, clock
        self._requests = Sliding(directory.application.requests_per_minute, MINUTE_S)
        self._used_assertions: dict[str, float] = {}
        self._key_id = _thumbprints(directory.identity.signing.certificate)[1]

    def grant(self, tenant: str, form: Mapping[str, str]) -> Granted:
        """A token for a form of the token endpoint; raises Refusal."""
        directory = self._directory
        if not directory.is_tenant(tenant):
            raise Refusal(90002, {"tenant": tenant})
        for parameter in ("grant_type", "client_id", "scope"):
            if not form.get(parameter):
                raise Refusal(900144, {"parameter": parameter})
        if form["grant_type"] != "client_credentials":
            raise Refusal(70003, {"grant": form["grant_type"]})
        if form["client_id"].lower() != directory.identity.client_id:
            raise Refusal(700016, {"client": form["client_id"], "tenant": directory.tenant.domain})
        self._check_loop()
        by_certificate = self._check_credential(form, tenant)
        if not directory.application.enabled:
            raise Refusal(7000112, {"client": directory.identity.client_id})
        return self._sign(_resource(form["scope"], directory.tenant.domain), by_certificate=by_certificate)

    def judge(self, token: str) -> str:
        """Why Exchange does not take a token for SMTP, or ""."""
        identity, application = self._directory.identity, self._directory.application
        try:
            claims: dict[str, Any] = jwt.decode(
                token, _public(identity.signing.certificate), algorithms=["RS256"], audience=list(OUTLOOK),
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "tid"]},
            )  # fmt: skip
        except jwt.InvalidAudienceError:
            return "the token is for another audience"
        except jwt.InvalidTokenError as error:
            return f"the token cannot be read: {error}"
        if float(claims["exp"]) <= self._clock.now():
            return "the token has expired"
        if claims["tid"] != identity.tenant_id:
            return "the token is from another tenant"
        if "SMTP.SendAsApp" not in claims.get("roles", []) and not application.rbac:
            return "the token has no role SMTP.SendAsApp"
        return ""

    def keys(self) -> dict[str, Any]:
        """The signing key as a JSON Web Key Set (RFC 7517)."""
        public = _public(self._directory.identity.signing.certificate)
        key = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
        return {
            "keys": [{**key, "use": "sig", "kid": self._key_id, "x5t": self._key_id, "issuer": self.issuer()}]
        }

    def issuer(self) -> str:
        """The issuer that the discovery document names."""
        return f"{self.base}/{self._directory.identity.tenant_id}/v2.0"

    # -- who asks -------------------------------------------------------------------------------------------------

    def _check_loop(self) -> None:
        now = self._clock.mono()
        self._requests.limit = self._directory.application.requests_per_minute
        if self._requests.wait_s(now):
            raise Refusal(50196, retry_after_s=60)
        self._requests.take(now)

    def _check_credential(self, form: Mapping[str, str], tenant: str) -> bool:
        """Whether it was a certificate; raises Refusal where it is no credential of the application."""
        directory = self._directory
        client = {"client": directory.identity.client_id}
        if form.get("client_assertion"):
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise Refusal(900144, {"parameter": "client_assertion_type"})
            self._check_assertion(form["client_assertion"], tenant)
            return True
        if not form.get("client_secret"):
            raise Refusal(7000218)
        if not hmac.compare_digest(form["client_secret"].encode(), directory.identity.secret.encode()):
            raise Refusal(7000215, client)
        if directory.application.secret_expired:
            raise Refusal(7000222, client)
        return False

    def _check_assertion(self, assertion: str, tenant: str) -> None:
        certificate = self._directory.identity.application.certificate
        try:
            head = jwt.get_unverified_header(assertion)
        except jwt.InvalidTokenError as error:
            raise Refusal(700027, {"reason": f"The assertion is no JWT: {error}"}) from error
        named = str(head.get("x5t#S256") or head.get("x5t") or "").rstrip("=")
        if named not in _thumbprints(certificate):
            reason = f"The key was not found., Thumbprint of key used by client: '{_hexadecimal(named)}'"
            raise Refusal(700027, {"reason": reason})
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion, _public(certificate), algorithms=["PS256", "RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )  # fmt: skip
        except jwt.InvalidTokenError as error:
            reason = "The provided signature value did not match the expected signature value."
            raise Refusal(700027, {"reason": reason}) from error
        self._check_claims(claims, tenant)

    def _check_claims(self, claims: dict[str, Any], tenant: str) -> None:
        client_id = self._directory.identity.client_id
        if not claims.get("iss") == claims.get("sub") == client_id:
            raise Refusal(700021)
        audience = str(claims.get("aud"))
        if audience not in self._audiences(tenant):
            raise Refusal(700023, {"reason": audience})
        now = self._clock.now()
        begins, ends = claims.get("nbf", 0), claims.get("exp", 0)
        if not isinstance(begins, int | float) or not isinstance(ends, int | float):
            raise Refusal(700024, {"reason": "exp and nbf must be numbers."})
        if now + CLOCK_SKEW_S < begins or ends + CLOCK_SKEW_S < now:
            raise Refusal(
                700024,
                {"reason": f"Current time: {now:.0f}, valid from {begins:.0f}, expiry time {ends:.0f}."},
            )
        self._check_use(str(claims.get("jti", "")), ends)

    def _check_use(self, mark: str, ends: float) -> None:
        if not self._directory.application.single_use_assertions:
            return
        now = self._clock.now()
        self._used_assertions = {key: end for key, end in self._used_assertions.items() if end > now}
        if not mark or mark in self._used_assertions:
            raise Refusal(700027, {"reason": "The assertion has been used before, or has no jti."})
        self._used_assertions[mark] = ends + CLOCK_SKEW_S

    def _audiences(self, tenant: str) -> set[str]:
        """The token endpoint's address as asked, and by either name of this machine and of the tenant."""
        port = self.base.rpartition(":")[2]
        bases = {self.base, f"https://localhost:{port}", f"https://127.0.0.1:{port}"}
        names = {tenant, self._directory.tenant.domain, self._directory.identity.tenant_id}
        return {f"{base}/{name}/oauth2/v2.0/token" for base in bases for name in names}

    # -- what is given --------------------------------------------------------------------------------------------

    def _sign(self, resource: str, *, by_certificate: bool) -> Granted:
        identity, application = self._directory.identity, self._directory.application
        shortest, longest = application.token_life_s
        life_s = int(shortest + (longest - shortest) * self._clock.dice())
        now = int(self._clock.now())
        claims = {
            "aud": resource, "iss": f"https://sts.windows.net/{identity.tenant_id}/", "iat": now, "nbf": now,
            "exp": now + life_s, "app_displayname": "relay365", "appid": identity.client_id,
            "appidacr": "2" if by_certificate else "1", "idp": f"https://sts.windows.net/{identity.tenant_id}/",
            "oid": identity.object_id, "sub": identity.object_id, "roles": list(application.roles),
            "tid": identity.tenant_id, "uti": uuid.uuid4().hex, "ver": "1.0",
        }  # fmt: skip
        key = identity.signing.key
        token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": self._key_id, "x5t": self._key_id})
        return Granted(token, life_s)


def _resource(scope: str, tenant: str) -> str:
    """The resource of a scope; raises Refusal."""
    if not scope.endswith(SUFFIX) or " " in scope.strip():
        raise Refusal(70011, {"scope": scope})
    resource = scope.removesuffix(SUFFIX).rstrip("/")
    if resource not in RESOURCES:
        raise Refusal(500011, {"scope": resource, "tenant": tenant})
    return resource


def _public(certificate: Any) -> rsa.RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("the certificate has no RSA key")
    return key


def _thumbprints(certificate: Any) -> tuple[str, str]:
    """SHA-256 and SHA-1 thumbprint in base64url without padding."""
    digests = (certificate.fingerprint(one) for one in (hashes.SHA256(), hashes.SHA1()))  # noqa: S303 - x5t is SHA-1 by definition (RFC 7515 4.1.7)
    first, second = (base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=") for digest in digests)
    return first, second


def _hexadecimal(thumbprint: str) -> str:
    try:
        return base64.urlsafe_b64decode(thumbprint + "=" * (-len(thumbprint) % 4)).hex().upper()
    except ValueError:
        return thumbprint
