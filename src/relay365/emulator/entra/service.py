"""The HTTP face of the token service: discovery documents and the token endpoint, as MSAL asks for them.

The pages of a person's sign-in stand in sign_in, and the discovery document of the pretended cluster whose workloads
the application trusts stands here too.
(Microsoft: "OpenID Connect on the Microsoft identity platform"; RFC 6749 4.4 and 5)
"""

from __future__ import annotations

import asyncio
import uuid

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.scopes import DEFAULT, RESOURCES
from relay365.emulator.entra.sign_in import SignIn, read_form
from relay365.emulator.entra.tokens import Granted, Tokens
from relay365.emulator.faults.web import broken
from relay365.emulator.moods import Moods
from relay365.emulator.record import Tally

_EXPIRIES: dict[str, dict[str, object]] = {
    "no-expiry": {}, "negative-expiry": {"expires_in": -1}, "word-expiry": {"expires_in": "soon"},
    "long-expiry": {"expires_in": 315_360_000},
}  # fmt: skip
"""The lives that the mood `token-answer` can claim."""

_NOT_KEPT = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


class TokenService:
    """The endpoints; app() gives them to an HTTP server."""

    def __init__(
        self, directory: Directory, tokens: Tokens, moods: Moods, tally: Tally, clock: Clock
    ) -> None:
        self._directory, self._tokens, self._moods = directory, tokens, moods
        self._tally, self._clock = tally, clock
        self._sign_in = SignIn(directory, tokens, clock)

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/common/discovery/instance", self._instance),
                Route("/common/discovery/keys", self._keys),
                Route("/{tenant}/discovery/v2.0/keys", self._keys),
                Route("/{tenant}/v2.0/.well-known/openid-configuration", self._openid),
                Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route("/workload/.well-known/openid-configuration", self._workload),
                *self._sign_in.routes(),
            ]
        )

    async def _instance(self, request: Request) -> Response:
        host = self._tokens.base.partition("://")[2]
        names = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        where = f"{self._tokens.base}/{self._directory.tenant.domain}/v2.0/.well-known/openid-configuration"
        return JSONResponse({"tenant_discovery_endpoint": where, "api-version": "1.1", "metadata": [names]})

    async def _keys(self, request: Request) -> Response:
        return JSONResponse(self._tokens.signer.keys())

    async def _openid(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if not self._directory.is_tenant(tenant):
            return self._refuse(request, Refusal(90002, {"tenant": tenant}))
        here = f"{self._tokens.base}/{tenant}"
        return JSONResponse(
            {
                "token_endpoint": f"{here}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "jwks_uri": f"{here}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code"],
                "scopes_supported": [f"{resource}/{DEFAULT}" for resource in RESOURCES],
                "issuer": self._tokens.signer.issuer(),
                "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
                "cloud_instance_name": self._tokens.base.partition("://")[2],
            }
        )

    async def _workload(self, request: Request) -> Response:
        issuer = self._tokens.credentials.workload_issuer()
        return JSONResponse({"issuer": issuer, "jwks_uri": f"{self._tokens.base}/common/discovery/keys"})

    async def _token(self, request: Request) -> Response:
        self._tally.token_requests += 1
        slow = self._moods.strike("token-slow")
        if slow is not None:
            await asyncio.sleep(slow.seconds("seconds"))
        outage = self._moods.strike("token-outage")
        if outage is not None:
            return self._unwell(request, int(outage.seconds("status")), int(outage.seconds("retry_after")))
        try:
            form = await read_form(request)
            self._obey_mood(form)
            self._tokens.signer.offset_s = self._offset_s()
            granted = self._tokens.grant(request.path_params["tenant"], form)
        except Refusal as refusal:
            return self._refuse(request, refusal)
        self._tally.tokens_granted += 1
        return self._give(granted)

    def _give(self, granted: Granted) -> Response:
        mood = self._moods.strike("token-answer")
        how = mood.word("how") if mood is not None else ""
        answer = _answer(granted)
        if how in _EXPIRIES:
            answer.pop("expires_in")
            answer |= _EXPIRIES[how]
        whole = JSONResponse(answer, headers=_NOT_KEPT)
        return broken(how, whole) if how and how not in _EXPIRIES else whole

    def _obey_mood(self, form: dict[str, str]) -> None:
        mood = self._moods.strike("token-error")
        if mood is not None:
            facts = {"client": form.get("client_id", ""), "tenant": self._directory.tenant.domain}
            raise Refusal(int(mood.seconds("number")), {**facts, "scope": form.get("scope", "")})

    def _offset_s(self) -> float:
        """By how much the endpoint's clock is ahead."""
        mood = self._moods.strike("token-clock")
        if mood is None:
            return 0.0
        return mood.seconds("seconds") * (1 if mood.word("how") == "ahead" else -1)

    def _unwell(self, request: Request, status: int, retry_after_s: int) -> Response:
        refusal = Refusal(90055 if status == 429 else 90033, retry_after_s=retry_after_s)
        return self._refuse(request, refusal, status)

    def _refuse(self, request: Request, refusal: Refusal, status: int = 0) -> Response:
        self._tally.token_refusals[str(refusal)] += 1
        correlation_id = request.headers.get("client-request-id") or str(uuid.uuid4())
        body = refusal.body(self._tokens.base, correlation_id, self._clock.now())
        headers = dict(_NOT_KEPT)
        if refusal.retry_after_s:
            headers["Retry-After"] = str(refusal.retry_after_s)
        return JSONResponse(body, status or refusal.status, headers=headers)


def _answer(granted: Granted) -> dict[str, object]:
    """The keys of an answer (RFC 6749 5.1); those that this grant does not have are left away."""
    optional = {
        "scope": granted.scope, "refresh_token": granted.refresh_token, "id_token": granted.id_token,
        "client_info": granted.client_info,
    }  # fmt: skip
    return {
        "token_type": "Bearer", "expires_in": granted.life_s, "ext_expires_in": granted.life_s,
        "access_token": granted.token, **{key: value for key, value in optional.items() if value},
    }  # fmt: skip
