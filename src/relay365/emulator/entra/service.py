"""The HTTP face of the token service: discovery documents and the token endpoint, as MSAL asks for them.

(Microsoft: "OpenID Connect on the Microsoft identity platform"; OAuth 2.0, RFC 6749 4.4 and 5)
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.tokens import RESOURCES, Tokens
from relay365.emulator.moods import Moods
from relay365.emulator.record import Tally

MOST_FORM_OCTETS = 64 * 1024
_NOT_KEPT = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


class TokenService:
    """The endpoints; app() gives them to an HTTP server."""

    def __init__(
        self, directory: Directory, tokens: Tokens, moods: Moods, tally: Tally, clock: Clock
    ) -> None:
        self._directory, self._tokens, self._moods = directory, tokens, moods
        self._tally, self._clock = tally, clock

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/common/discovery/instance", self._instance),
                Route("/common/discovery/keys", self._keys),
                Route("/{tenant}/discovery/v2.0/keys", self._keys),
                Route("/{tenant}/v2.0/.well-known/openid-configuration", self._openid),
                Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            ]
        )

    async def _instance(self, request: Request) -> Response:
        host = self._tokens.base.partition("://")[2]
        names = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        where = f"{self._tokens.base}/{self._directory.tenant.domain}/v2.0/.well-known/openid-configuration"
        return JSONResponse({"tenant_discovery_endpoint": where, "api-version": "1.1", "metadata": [names]})

    async def _keys(self, request: Request) -> Response:
        return JSONResponse(self._tokens.keys())

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
                "scopes_supported": [f"{resource}/.default" for resource in RESOURCES],
                "issuer": self._tokens.issuer(),
                "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
                "cloud_instance_name": self._tokens.base.partition("://")[2],
            }
        )

    async def _token(self, request: Request) -> Response:
        self._tally.token_requests += 1
        slow = self._moods.strike("token-slow")
        if slow is not None:
            await asyncio.sleep(slow.seconds("seconds"))
        outage = self._moods.strike("token-outage")
        if outage is not None:
            return self._unwell(request, int(outage.seconds("status")), int(outage.seconds("retry_after")))
        try:
            form = await _form(request)
            self._obey_mood(form)
            granted = self._tokens.grant(request.path_params["tenant"], form)
        except Refusal as refusal:
            return self._refuse(request, refusal)
        self._tally.tokens_granted += 1
        answer = {
            "token_type": "Bearer", "expires_in": granted.life_s, "ext_expires_in": granted.life_s,
            "access_token": granted.token,
        }  # fmt: skip
        return JSONResponse(answer, headers=_NOT_KEPT)

    def _obey_mood(self, form: dict[str, str]) -> None:
        mood = self._moods.strike("token-error")
        if mood is not None:
            facts = {"client": form.get("client_id", ""), "tenant": self._directory.tenant.domain}
            raise Refusal(int(mood.seconds("number")), {**facts, "scope": form.get("scope", "")})

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


async def _form(request: Request) -> dict[str, Any]:
    """The form of a POST; a Refusal where it is larger than any honest one."""
    octets = bytearray()
    async for block in request.stream():
        octets += block
        if len(octets) > MOST_FORM_OCTETS:
            raise Refusal(900144, {"parameter": "grant_type"})
    return dict(parse_qsl(octets.decode("utf-8", "replace"), keep_blank_values=True))
