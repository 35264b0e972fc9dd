"""Whether a caller is the application: client secret, certificate assertion, or the token of a federated workload.

Assertions are really checked: key, signature, issuer, audience, time; PS256 as documented and RS256 as older libraries
sign; x5t#S256 or x5t, with and without padding, because MSAL for Python pads it against RFC 7515. Entra accepts an
assertion again while it is valid (MSAL relies on that), so using one twice is refused only where the scenario asks for
it.
(Microsoft: "Microsoft identity platform application authentication certificate credentials"; "Workload identity
federation"; RFC 7523 3)
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography import x509

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.signing import CLOCK_SKEW_S, Signer, public_key, thumbprints

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEDERATED_AUDIENCE = "api://AzureADTokenExchange"
WORKLOAD_SUBJECT = "system:serviceaccount:mail:relay365"
WORKLOAD_LIFE_S = 86_400


class Credentials:
    """Judges the credential of a token request."""

    def __init__(self, directory: Directory, signer: Signer, clock: Clock) -> None:
        self._directory, self._signer, self._clock = directory, signer, clock
        self._used_assertions: dict[str, float] = {}

    def check(self, form: Mapping[str, str], tenant: str) -> str:
        """How the application proved itself: "1" by secret, "2" by assertion (claim appidacr); raises Refusal."""
        directory = self._directory
        client = {"client": directory.identity.client_id}
        if form.get("client_assertion"):
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise Refusal(900144, {"parameter": "client_assertion_type"})
            self._check_assertion(form["client_assertion"], tenant)
            return "2"
        if not form.get("client_secret"):
            raise Refusal(7000218)
        if not hmac.compare_digest(form["client_secret"].encode(), directory.identity.secret.encode()):
            raise Refusal(7000215, client)
        if directory.application.secret_expired:
            raise Refusal(7000222, client)
        return "1"

    def workload_issuer(self) -> str:
        """The issuer of the pretended cluster whose workloads the application trusts."""
        return f"{self._signer.base}/workload"

    def workload_token(self) -> str:
        """A token as a Kubernetes cluster projects it for the trusted service account; good for a day."""
        claims = {"iss": self.workload_issuer(), "sub": WORKLOAD_SUBJECT, "aud": [FEDERATED_AUDIENCE]}
        return self._signer.sign(claims, WORKLOAD_LIFE_S)

    def _check_assertion(self, assertion: str, tenant: str) -> None:
        try:
            head = jwt.get_unverified_header(assertion)
            claimed = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError as error:
            raise Refusal(700027, {"reason": f"The assertion is no JWT: {error}"}) from error
        named = str(head.get("x5t#S256") or head.get("x5t") or "").rstrip("=")
        certificate = self._uploaded(named)
        if claimed.get("iss") != claimed.get("sub") and named not in thumbprints(certificate):
            self._check_workload(assertion, claimed)
            return
        if named not in thumbprints(certificate):
            reason = f"The key was not found., Thumbprint of key used by client: '{_hexadecimal(named)}'"
            raise Refusal(700027, {"reason": reason})
        self._check_claims(_verified(assertion, certificate, ["PS256", "RS256"]), tenant)

    def _uploaded(self, named: str) -> Any:
        """The certificate of the application that has this thumbprint; the emulator's own where none has it."""
        directory = self._directory
        further = [x509.load_pem_x509_certificate(one.encode()) for one in directory.application.certificates]
        found = (one for one in further if named in thumbprints(one))
        return next(found, directory.identity.application.certificate)

    def _check_workload(self, assertion: str, claimed: dict[str, Any]) -> None:
        """A token of another issuer: its record names issuer, subject and audience, all compared exactly."""
        wanted = (
            (700211, "iss", self.workload_issuer()),
            (700213, "sub", WORKLOAD_SUBJECT),
            (700212, "aud", FEDERATED_AUDIENCE),
        )
        for number, name, value in wanted:
            found = claimed.get(name)
            if value not in (found if isinstance(found, list) else [found]):
                raise Refusal(number, {"reason": str(found)})
        claims = _verified(assertion, self._directory.identity.signing.certificate, ["RS256"])
        self._check_time(claims)

    def _check_claims(self, claims: dict[str, Any], tenant: str) -> None:
        client_id = self._directory.identity.client_id
        if not claims.get("iss") == claims.get("sub") == client_id:
            raise Refusal(700021)
        audience = str(claims.get("aud"))
        if audience not in self._audiences(tenant):
            raise Refusal(700023, {"reason": audience})
        ends = self._check_time(claims)
        self._check_use(str(claims.get("jti", "")), ends)

    def _check_time(self, claims: dict[str, Any]) -> float:
        now = self._clock.now() + self._signer.offset_s
        begins, ends = claims.get("nbf", 0), claims.get("exp", 0)
        if not isinstance(begins, int | float) or not isinstance(ends, int | float):
            raise Refusal(700024, {"reason": "exp and nbf must be numbers."})
        if now + CLOCK_SKEW_S < begins or ends + CLOCK_SKEW_S < now:
            raise Refusal(
                700024,
                {"reason": f"Current time: {now:.0f}, valid from {begins:.0f}, expiry time {ends:.0f}."},
            )
        return float(ends)

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
        base = self._signer.base
        port = base.rpartition(":")[2]
        bases = {base, f"https://localhost:{port}", f"https://127.0.0.1:{port}"}
        names = {tenant, self._directory.tenant.domain, self._directory.identity.tenant_id}
        return {f"{base}/{name}/oauth2/v2.0/token" for base in bases for name in names}


def _verified(assertion: str, certificate: Any, algorithms: list[str]) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion, public_key(certificate), algorithms=algorithms,
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.InvalidTokenError as error:
        reason = "The provided signature value did not match the expected signature value."
        raise Refusal(700027, {"reason": reason}) from error
    return claims


def _hexadecimal(thumbprint: str) -> str:
    try:
        return base64.urlsafe_b64decode(thumbprint + "=" * (-len(thumbprint) % 4)).hex().upper()
    except ValueError:
        return thumbprint
