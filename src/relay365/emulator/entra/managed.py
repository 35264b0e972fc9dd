"""Managed identity: the two addresses inside an Azure machine that give a token to whoever stands there.

The instance metadata service of a virtual machine, which wants the header Metadata, and the endpoint of App Service,
which wants a secret header. Both are plain HTTP, so they stand beside the control API and not below the authority.
(Microsoft: "How to use managed identities for Azure resources on an Azure VM to acquire an access token"; "How to use
managed identities for App Service and Azure Functions", REST endpoint reference)
"""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.signing import object_id
from relay365.emulator.entra.tokens import Granted, Tokens
from relay365.emulator.record import Tally

IMDS_PATH = "/metadata/identity/oauth2/token"
APP_SERVICE_PATH = "/msi/token"


class ManagedIdentity:
    """The endpoints; the machine has one system-assigned identity, and the same one by its client id."""

    def __init__(self, directory: Directory, tokens: Tokens, tally: Tally, clock: Clock) -> None:
        self._tokens, self._tally, self._clock = tokens, tally, clock
        self.client_id = object_id(directory.identity.tenant_id, "managed identity")
        self.header = (
            hashlib.sha256(b"identity header " + directory.identity.secret.encode()).hexdigest().upper()
        )

    def routes(self) -> list[Route]:
        """The addresses on a plain HTTP server."""
        return [Route(IMDS_PATH, self._imds), Route(APP_SERVICE_PATH, self._app_service)]

    def facts(self, base: str) -> dict[str, str]:
        """What a client needs to know, for emulator.json; base is the address of the plain HTTP server."""
        return {
            "imds": base, "endpoint": f"{base}{APP_SERVICE_PATH}", "header": self.header, "client_id": self.client_id,
        }  # fmt: skip

    async def _imds(self, request: Request) -> Response:
        if request.headers.get("metadata", "").lower() != "true" or "x-forwarded-for" in request.headers:
            return _imds_error("invalid_request", "Required metadata header not specified")
        if not request.query_params.get("resource"):
            return _imds_error("invalid_resource", "Resource not specified")
        if not self._is_ours(request):
            return _imds_error("invalid_request", "Identity not found")
        try:
            granted = self._grant(request)
        except Refusal as refusal:
            return _imds_error("invalid_resource", str(refusal))
        now = int(self._clock.now())
        return JSONResponse(
            {
                **self._common(request, granted), "refresh_token": "", "expires_in": str(granted.life_s),
                "ext_expires_in": str(granted.life_s), "not_before": str(now),
            }
        )  # fmt: skip

    async def _app_service(self, request: Request) -> Response:
        given = request.headers.get("x-identity-header", "")
        if not hmac.compare_digest(given.encode(), self.header.encode()):
            return JSONResponse({"statusCode": 401, "message": "Unauthorized"}, 401)
        if not self._is_ours(request) or request.query_params.get("api-version") != "2019-08-01":
            return JSONResponse(
                {"statusCode": 400, "message": "No User Assigned or Delegated Managed Identity found"}, 400
            )
        try:
            granted = self._grant(request)
        except Refusal as refusal:
            return JSONResponse({"statusCode": 400, "message": str(refusal)}, 400)
        return JSONResponse(self._common(request, granted))

    def _is_ours(self, request: Request) -> bool:
        query = request.query_params
        named = (
            query.get("client_id")
            or query.get("object_id")
            or query.get("msi_res_id")
            or query.get("mi_res_id")
        )
        return named in (None, self.client_id)

    def _grant(self, request: Request) -> Granted:
        self._tally.token_requests += 1
        granted = self._tokens.for_identity(request.query_params.get("resource", ""), self.client_id)
        self._tally.tokens_granted += 1
        return granted

    def _common(self, request: Request, granted: Granted) -> dict[str, str]:
        return {
            "access_token": granted.token, "client_id": self.client_id, "token_type": "Bearer",
            "expires_on": str(int(self._clock.now()) + granted.life_s),
            "resource": request.query_params.get("resource", ""),
        }  # fmt: skip


def _imds_error(error: str, words: str) -> Response:
    return JSONResponse({"error": error, "error_description": words}, 400)
