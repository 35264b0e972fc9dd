"""Access tokens for SMTP: MSAL in a thread, one request at a time, refreshed before they end.

MSAL is Microsoft's own library; identity is not what this project exists for. Its HTTP session is ours: trust_env is
off, so that no environment variable can change whom we trust or where we ask. An authority that is not Microsoft's
must never make it ask login.microsoftonline.com, hence instance_discovery=False there.
(Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"; "Microsoft identity platform and the OAuth 2.0
client credentials flow", read 2026-11)
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from relay365.clock import Clock
from relay365.errors import TokenRefused

REFRESH_AHEAD_S = 600.0  # High Volume Email refuses tokens that end within ten minutes (501 5.5.127)
LAST_USE_S = 60.0  # a token this close to its end is not offered any more
REQUEST_S = 30.0
REFUSED_S = 30.0  # the same refused question is not put again sooner (AADSTS50196, loop detected)

_MICROSOFT = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration: with a secret, or with a certificate and its key (PEM texts)."""

    authority: str
    tenant: str
    client: str
    scope: str
    ca_file: str = ""
    secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


class Directory(Protocol):
    """Who gives tokens. ask() blocks and is called in a thread, one at a time; forget() may come meanwhile."""

    def ask(self) -> dict[str, Any]:
        """A fresh token as MSAL answers: access_token and expires_in (seconds), or error and its kin. Never raises."""
        ...

    def forget(self) -> None:
        """Keep nothing from earlier answers."""
        ...


class TokenSource:
    """The tokens of one application; many callers, one request."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory, self._clock = directory, clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._fresh_until_mono = 0.0
        self._good_until_mono = 0.0
        self._refused: TokenRefused | None = None
        self._refused_until_mono = 0.0

    def __repr__(self) -> str:
        return f"<TokenSource of {self._directory!r}>"

    async def token(self) -> str:
        """A token that is good for at least ten minutes, or for one where no newer one can be had now.

        Raises TokenRefused.
        """
        async with self._lock:
            now = self._clock.mono()
            if self._token and now < self._fresh_until_mono:
                return self._token
            try:
                return await self._renewed(now)
            except TokenRefused as refused:
                if refused.temporary and self._token and now < self._good_until_mono:
                    return self._token
                raise

    async def _renewed(self, now: float) -> str:
        if self._refused is not None and now < self._refused_until_mono:
            raise self._refused
        try:
            async with asyncio.timeout(REQUEST_S + 5.0):
                answer = await asyncio.to_thread(self._directory.ask)
        except TimeoutError:
            text = "the token service did not answer"
            raise self._remember(TokenRefused("timeout", 0, text, temporary=True)) from None
        return self._learn(answer)

    def forget(self) -> None:
        """The remote refused the token: do not offer it again."""
        self._token = ""
        self._directory.forget()

    def _learn(self, answer: dict[str, Any]) -> str:
        if "access_token" not in answer:
            raise self._remember(_refusal(answer))
        life_s = float(answer.get("expires_in", 3600))
        self._token, self._refused = str(answer["access_token"]), None
        now = self._clock.mono()
        self._fresh_until_mono = now + max(life_s - REFRESH_AHEAD_S, life_s / 2)
        self._good_until_mono = now + max(life_s - LAST_USE_S, life_s / 2)
        return self._token

    def _remember(self, refused: TokenRefused) -> TokenRefused:
        self._refused, self._refused_until_mono = refused, self._clock.mono() + REFUSED_S
        return refused


class Entra:
    """Microsoft's token service, or one that answers like it, asked by MSAL."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._msal: Any = None

    def __repr__(self) -> str:
        return f"<Entra {self._application.authority} tenant={self._application.tenant}>"

    def forget(self) -> None:
        """See Directory."""
        self._msal = None

    def ask(self) -> dict[str, Any]:
        """See Directory: discovery where it is still to be done, then one request."""
        import requests  # here, because both take 0.4 s to import and only OAuth routes need them

        try:
            client = self._msal = self._msal or self._client()
            client.remove_tokens_for_client()
            answer: dict[str, Any] = client.acquire_token_for_client([self._application.scope])
        except (requests.RequestException, ValueError) as error:
            self._msal = None
            return {
                "error": "unreachable",
                "error_description": f"{type(error).__name__}: {_first_line(error)}",
            }
        return answer

    def _client(self) -> Any:
        import msal
        import requests

        application = self._application
        session = requests.Session()
        session.trust_env = False
        session.verify = application.ca_file or system_roots() or True
        credential: Any = application.secret
        if application.certificate:
            credential = {"private_key": application.key, "public_certificate": application.certificate}
        return msal.ConfidentialClientApplication(
            application.client,
            client_credential=credential,
            authority=f"{application.authority}/{application.tenant}",
            instance_discovery=urlsplit(application.authority).hostname in _MICROSOFT,
            http_client=_WithTimeout(session),
        )


def system_roots() -> str:
    """The system's own roots, which hold those that an administrator added; "" where there is no such file."""
    paths = ssl.get_default_verify_paths()
    candidates = (paths.cafile, paths.capath, "/etc/ssl/certs/ca-certificates.crt")
    return next((path for path in candidates if path and Path(path).exists()), "")


class _WithTimeout:
    """The two calls that MSAL makes, each with a deadline."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def post(self, url: str, **keywords: Any) -> Any:
        """See requests.Session.post."""
        keywords.setdefault("timeout", REQUEST_S)
        return self._session.post(url, **keywords)

    def get(self, url: str, **keywords: Any) -> Any:
        """See requests.Session.get."""
        keywords.setdefault("timeout", REQUEST_S)
        return self._session.get(url, **keywords)

    def close(self) -> None:
        """See requests.Session.close."""
        self._session.close()


def _refusal(answer: dict[str, Any]) -> TokenRefused:
    error = str(answer.get("error", "unknown"))
    numbers = answer.get("error_codes") or [0]
    text = _first_line(answer.get("error_description", ""))
    is_temporary = error in ("temporarily_unavailable", "server_error", "unreachable", "timeout")
    return TokenRefused(error, int(numbers[0]), text or error, temporary=is_temporary)


def _first_line(words: object) -> str:
    return str(words).splitlines()[0][:500] if str(words) else ""
