"""Where a person signs in: /authorize with its form, /devicecode for the device and /device for its owner.

An error goes back to the redirect address only when that address is registered; else a page says it (RFC 6749 4.1.2.1).
(Microsoft: "Microsoft identity platform and OAuth 2.0 authorization code flow", "... device authorization grant flow";
RFC 6749 4.1, RFC 7636 4.3, RFC 8252 7.3 for the port of a loopback redirect, RFC 8628 3)
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra import pages
from relay365.emulator.entra.grants import Consent
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.tokens import Tokens

MOST_FORM_OCTETS = 64 * 1024
_KEPT = (
    "client_id", "response_type", "redirect_uri", "scope", "response_mode", "state", "nonce", "code_challenge",
    "code_challenge_method", "prompt", "login_hint",
)  # fmt: skip


class SignIn:
    """The pages; routes() gives them to the token service."""

    def __init__(self, directory: Directory, tokens: Tokens, clock: Clock) -> None:
        self._directory, self._tokens, self._clock = directory, tokens, clock

    def routes(self) -> list[Route]:
        """The addresses below the authority."""
        return [
            Route("/{tenant}/oauth2/v2.0/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/{tenant}/oauth2/v2.0/devicecode", self._device_code, methods=["POST"]),
            Route("/device", self._device, methods=["GET", "POST"]),
        ]

    # -- authorization code ---------------------------------------------------------------------------------------

    async def _authorize(self, request: Request) -> Response:
        fields = {
            **dict(request.query_params),
            **(await read_form(request) if request.method == "POST" else {}),
        }
        try:
            self._check_where(request.path_params["tenant"], fields)
        except Refusal as refusal:
            return HTMLResponse(
                pages.said("Sorry, but we're having trouble signing you in", self._words(refusal)), 400
            )
        try:
            return self._answer(fields, is_posted=request.method == "POST")
        except Refusal as refusal:
            body = refusal.body(self._tokens.base, str(uuid.uuid4()), self._clock.now())
            return _send_back(
                fields, {"error": body["error"], "error_description": body["error_description"]}
            )

    def _check_where(self, tenant: str, fields: Mapping[str, str]) -> None:
        self._tokens.check_client(tenant, fields, "client_id", "redirect_uri")
        if not _is_registered(fields["redirect_uri"], self._directory.application.redirects):
            raise Refusal(50011, {"redirect": fields["redirect_uri"], "client": fields["client_id"]})

    def _answer(self, fields: Mapping[str, str], *, is_posted: bool) -> Response:
        if fields.get("response_type") != "code":
            raise Refusal(700051, {"reason": fields.get("response_type", "")})
        if not fields.get("scope"):
            raise Refusal(900144, {"parameter": "scope"})
        self._tokens.check_scope(fields["scope"])
        if is_posted:
            if fields.get("answer") == "cancel":
                raise Refusal(65004)
            return self._signed_in(fields, fields.get("user", ""))
        hint = fields.get("login_hint", "")
        if hint and self._directory.application.instant_sign_in:
            return self._signed_in(fields, hint)
        if fields.get("prompt") == "none":
            raise Refusal(50058)
        kept = {name: fields[name] for name in _KEPT if name in fields}
        return HTMLResponse(pages.choose_user(self._users(), hint, kept))

    def _signed_in(self, fields: Mapping[str, str], user: str) -> Response:
        if self._directory.mailbox(user) is None:
            raise Refusal(50034, {"user": user, "tenant": self._directory.tenant.domain})
        consent = Consent(user.lower(), fields["scope"], fields.get("nonce", ""))
        challenge, method = fields.get("code_challenge", ""), fields.get("code_challenge_method", "")
        code = self._tokens.grants.code(consent, fields["redirect_uri"], challenge, method)
        return _send_back(fields, {"code": code, "session_state": str(uuid.uuid4())})

    # -- device code ----------------------------------------------------------------------------------------------

    async def _device_code(self, request: Request) -> Response:
        try:
            form = await read_form(request)
            self._tokens.check_client(request.path_params["tenant"], form, "client_id", "scope")
            self._tokens.check_scope(form["scope"])
        except Refusal as refusal:
            correlation = request.headers.get("client-request-id") or str(uuid.uuid4())
            body = refusal.body(self._tokens.base, correlation, self._clock.now())
            return JSONResponse(body, refusal.status)
        device = self._tokens.grants.begin_device(form["scope"])
        where = f"{self._tokens.base}/device"
        application = self._directory.application
        return JSONResponse(
            {
                "user_code": device.user_code,
                "device_code": device.secret,
                "verification_uri": where,
                "expires_in": int(application.device_life_s),
                "interval": application.device_interval_s,
                "message": f"To sign in, use a web browser to open the page {where} and enter the code "
                f"{device.user_code} to authenticate.",
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _device(self, request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(pages.enter_code(self._users(), request.query_params.get("code", "")))
        form = await read_form(request)
        is_cancelled = form.get("answer") == "cancel"
        user = "" if is_cancelled else form.get("user", "")
        if not is_cancelled and self._directory.mailbox(user) is None:
            return HTMLResponse(pages.said("Enter code", "Nobody of this name is in the directory."), 400)
        if not self._tokens.grants.decide(form.get("code", ""), user.lower()):
            return HTMLResponse(
                pages.said("Enter code", "That code didn't work. Check the code and try again."), 400
            )
        words = (
            "You have cancelled." if is_cancelled else "You have signed in on your device. Close this window."
        )
        return HTMLResponse(pages.said("Enter code", words))

    # -- small things ---------------------------------------------------------------------------------------------

    def _users(self) -> list[str]:
        return [one.settings.address for one in self._directory.mailboxes()]

    def _words(self, refusal: Refusal) -> str:
        body = refusal.body(self._tokens.base, str(uuid.uuid4()), self._clock.now())
        return str(body["error_description"])


async def read_form(request: Request) -> dict[str, str]:
    """The form of a POST; a Refusal where it is larger than any honest one."""
    octets = bytearray()
    async for block in request.stream():
        octets += block
        if len(octets) > MOST_FORM_OCTETS:
            raise Refusal(900144, {"parameter": "grant_type"})
    return dict(parse_qsl(octets.decode("utf-8", "replace"), keep_blank_values=True))


def _is_registered(redirect: str, registered: tuple[str, ...]) -> bool:
    """Whether a redirect is one of the registered; the port of http://localhost does not count."""
    if redirect in registered:
        return True
    found = urlsplit(redirect)
    if found.scheme != "http" or found.hostname not in ("localhost", "127.0.0.1"):
        return False
    bare = f"http://{found.hostname}{found.path}".rstrip("/")
    return bare in {one.rstrip("/") for one in registered}


def _send_back(fields: Mapping[str, str], answer: dict[str, str]) -> Response:
    """The answer to the redirect address, in the response mode that was asked for."""
    if "state" in fields:
        answer = {**answer, "state": fields["state"]}
    where, mode = fields["redirect_uri"], fields.get("response_mode", "query")
    if mode == "form_post":
        return HTMLResponse(pages.posted(where, answer))
    mark = "#" if mode == "fragment" else "&" if "?" in where else "?"
    return RedirectResponse(f"{where}{mark}{urlencode(answer)}", 302)
