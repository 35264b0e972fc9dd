"""The rules of the token endpoint: who gets which token, and whether a token that comes back is good for SMTP. No HTTP.

Client credentials by themselves; authorization code with PKCE, device code and refresh token for a user.
(Microsoft: "Microsoft identity platform and the OAuth 2.0 client credentials flow", "... authorization code flow",
"... device authorization grant flow"; RFC 6749, RFC 7636, RFC 8628)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.credentials import Credentials
from relay365.emulator.entra.grants import Consent, Grants, with_scope
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.scopes import (
    GRAPH,
    OUTLOOK,
    Asked,
    asked_by_application,
    asked_for_user,
    consented,
)
from relay365.emulator.entra.signing import BadTokenError, Signer, object_id
from relay365.emulator.window import MINUTE_S, Sliding

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_GRANT_OLD = "device_code"
IDENTITY_LIFE_S = 86_400  # of a managed identity's token; configured lives do not hold for it

_WANTED = {
    "client_credentials": ("scope",),
    "authorization_code": ("code", "redirect_uri"),
    "refresh_token": ("refresh_token",),
    DEVICE_GRANT: ("device_code",),
    DEVICE_GRANT_OLD: ("device_code",),
}


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, its life, and for a user what comes with it. Nothing secret appears in repr."""

    token: str = field(repr=False)
    life_s: int
    refresh_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    client_info: str = ""
    scope: str = ""


class Tokens:
    """Gives tokens and judges them."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self.signer = Signer(directory.identity, clock)
        self.credentials = Credentials(directory, self.signer, clock)
        self.grants = Grants(directory, clock)
        self._directory, self._clock = directory, clock
        self._requests = Sliding(directory.application.requests_per_minute, MINUTE_S)

    @property
    def base(self) -> str:
        """The https address of the service, known once its socket is bound."""
        return self.signer.base

    @base.setter
    def base(self, address: str) -> None:
        self.signer.base = address

    def grant(self, tenant: str, form: Mapping[str, str]) -> Granted:
        """A token for a form of the token endpoint; raises Refusal."""
        self.check_client(tenant, form, "grant_type", "client_id")
        kind = form["grant_type"]
        if kind not in _WANTED:
            raise Refusal(70003, {"grant": kind})
        for parameter in _WANTED[kind]:
            if not form.get(parameter):
                raise Refusal(900144, {"parameter": parameter})
        is_poll = "device_code" in kind
        if not is_poll:
            self._check_loop()
        if kind == "client_credentials":
            how = self.credentials.check(form, tenant)
            self._check_enabled()
            return self._for_application(
                asked_by_application(form["scope"], self._directory.tenant.domain), how
            )
        self._check_enabled()
        consent = self._consent(kind, form, tenant)
        return self._for_user(consent, with_id=form.get("client_info") == "1")

    def check_client(self, tenant: str, form: Mapping[str, str], *parameters: str) -> None:
        """Raise Refusal unless tenant and application exist and the parameters are there."""
        directory = self._directory
        if not directory.is_tenant(tenant):
            raise Refusal(90002, {"tenant": tenant})
        for parameter in parameters:
            if not form.get(parameter):
                raise Refusal(900144, {"parameter": parameter})
        if form["client_id"].lower() != directory.identity.client_id:
            raise Refusal(700016, {"client": form["client_id"], "tenant": directory.tenant.domain})

    def check_scope(self, scope: str) -> None:
        """Raise Refusal unless a user may be asked for this."""
        self._consented(asked_for_user(scope, self._directory.tenant.domain))

    def judge(self, token: str, mailbox: str = "") -> str:
        """Why Exchange does not take a token for SMTP, or "". A user's token is good for the user's own mailbox and for
        those that the user is a member of; mailbox "" asks for no mailbox in particular.
        """
        application = self._directory.application
        try:
            claims = self.signer.read(token, OUTLOOK)
        except BadTokenError as error:
            return str(error)
        if claims.user:
            if "SMTP.Send" not in claims.scopes:
                return "the token has no scope SMTP.Send"
            return "" if self.may_use(claims.user, mailbox) else "the user has no rights on the mailbox"
        if "SMTP.SendAsApp" not in claims.roles and not application.rbac:
            return "the token has no role SMTP.SendAsApp"
        return ""

    def may_use(self, user: str, mailbox: str) -> bool:
        """Whether a user may send from a mailbox: it is the user's own, or shared with the user, or "" (none named)."""
        state = self._directory.mailbox(mailbox)
        members = state.settings.members if state is not None else ()
        return not mailbox or user.lower() in {mailbox.lower(), *(one.lower() for one in members)}

    def for_identity(self, resource: str, client_id: str) -> Granted:
        """A managed identity's token; raises Refusal where the resource does not exist."""
        checked = asked_by_application(f"{resource.rstrip('/')}/.default", self._directory.tenant.domain)
        return self._for_application(checked, "2", client_id=client_id, life_s=IDENTITY_LIFE_S)

    # -- who asks -------------------------------------------------------------------------------------------------

    def _check_loop(self) -> None:
        now = self._clock.mono()
        self._requests.limit = self._directory.application.requests_per_minute
        if self._requests.wait_s(now):
            raise Refusal(50196, retry_after_s=60)
        self._requests.take(now)

    def _check_enabled(self) -> None:
        if not self._directory.application.enabled:
            raise Refusal(7000112, {"client": self._directory.identity.client_id})

    def _consent(self, kind: str, form: Mapping[str, str], tenant: str) -> Consent:
        """What the user agreed to, for a code or a refresh token; raises Refusal."""
        application, has_credential = (
            self._directory.application,
            bool(form.get("client_secret") or form.get("client_assertion")),
        )
        if kind == "authorization_code":
            is_desktop = application.redirect_platform == "desktop"
            if is_desktop and has_credential:
                raise Refusal(700025)
            if not is_desktop:
                self.credentials.check(form, tenant)
            consent = self.grants.redeem_code(
                form["code"], form["redirect_uri"], form.get("code_verifier", "")
            )
            return with_scope(consent, form.get("scope", ""))
        if has_credential or not application.public_client:
            self.credentials.check(form, tenant)
        if kind == "refresh_token":
            consent = self.grants.redeem_refresh(form["refresh_token"])
            return with_scope(consent, f"{form.get('scope') or consent.scope} offline_access")
        return self.grants.redeem_device(form["device_code"])

    # -- what is given --------------------------------------------------------------------------------------------

    def _for_application(self, resource: str, how: str, *, client_id: str = "", life_s: int = 0) -> Granted:
        identity, application = self._directory.identity, self._directory.application
        named = client_id or identity.client_id
        own = object_id(identity.tenant_id, client_id) if client_id else identity.object_id
        roles = application.graph_roles if resource == GRAPH else application.roles
        claims = {
            "aud": resource, "app_displayname": "relay365", "appid": named, "appidacr": how, "idtyp": "app",
            "oid": own, "sub": own, "roles": list(roles),
        }  # fmt: skip
        life_s = life_s or self._life_s()
        return Granted(self.signer.access_token(claims, life_s), life_s)

    def _for_user(self, consent: Consent, *, with_id: bool) -> Granted:
        identity, user = self._directory.identity, consent.user
        if self._directory.mailbox(user) is None:
            raise Refusal(50034, {"user": user, "tenant": self._directory.tenant.domain})
        asked = asked_for_user(consent.scope, self._directory.tenant.domain)
        granted = self._consented(asked)
        own = object_id(identity.tenant_id, user)
        life_s = self._life_s()
        claims = {
            "aud": asked.resource, "app_displayname": "relay365", "appid": identity.client_id, "appidacr": "0",
            "idtyp": "user", "oid": own, "sub": own, "upn": user, "unique_name": user,
            "scp": " ".join(sorted(granted)),
        }  # fmt: skip
        info = {"uid": own, "utid": identity.tenant_id}
        return Granted(
            self.signer.access_token(claims, life_s), life_s,
            self.grants.refresh_token(consent) if asked.is_offline else "",
            self._id_token(consent, own) if asked.is_openid else "",
            base64.urlsafe_b64encode(json.dumps(info).encode()).decode("ascii").rstrip("=") if with_id else "",
            _scope_of(asked, granted),
        )  # fmt: skip

    def _consented(self, asked: Asked) -> frozenset[str]:
        return consented(asked, self._directory.application.delegated, self._directory.identity.client_id)

    def _id_token(self, consent: Consent, own: str) -> str:
        identity = self._directory.identity
        claims = {
            "aud": identity.client_id, "iss": self.signer.issuer(), "sub": own, "oid": own, "tid": identity.tenant_id,
            "preferred_username": consent.user, "name": consent.user.partition("@")[0], "ver": "2.0",
        }  # fmt: skip
        return self.signer.sign(claims | ({"nonce": consent.nonce} if consent.nonce else {}), 3600)

    def _life_s(self) -> int:
        shortest, longest = self._directory.application.token_life_s
        return int(shortest + (longest - shortest) * self._clock.dice())


def _scope_of(asked: Asked, granted: frozenset[str]) -> str:
    """The scope of an answer: full names, and the reserved scopes that were granted with them."""
    reserved = ["openid", "profile"] if asked.is_openid else []
    return " ".join([*(f"{asked.resource}/{name}" for name in sorted(granted)), *reserved])
