"""The tokens of a person who signed in once: refreshed from what is kept, without anybody being asked.

Apart from Entra, because this one has something to keep: MSAL's cache with the refresh token, in a TokenStore. It is
loaded, used and saved under the store's lock, so that service and command never lose each other's rotation.
(Microsoft: "Refresh tokens in the Microsoft identity platform"; RFC 6749 6)
"""

from __future__ import annotations

import logging
from typing import Any

from relay365.errors import ConfigError
from relay365.routes.identity.credential import Version
from relay365.routes.identity.entra import Application, asked, client_settings
from relay365.routes.identity.expiry import UNUSED_S, Ending
from relay365.routes.identity.store import StoreBusy, TokenStore
from relay365.routes.identity.transport import Transport

_LOG = logging.getLogger(__name__)


class PersonSignIn:
    """One person's sign-in at one application, kept for one route."""

    def __init__(self, application: Application, store: TokenStore, route: str) -> None:
        self.application, self.store, self.route = application, store, route

    def __repr__(self) -> str:
        return f"<PersonSignIn {self.route} at {self.application}>"

    def version(self) -> Version:
        """See Directory: it changes with every `relay365 token login`."""
        return self.store.version()

    def ask(self) -> dict[str, Any]:
        """See Directory."""
        try:
            with self.store.held():
                return asked(self._refreshed, self.application.way)
        except StoreBusy:
            return {"error": "timeout", "error_description": f"{self.store.file} is held by another process"}
        except OSError as error:
            return {
                "error": "credential_unreadable",
                "error_description": f"{self.store.file}: {error.strerror}",
            }

    def kept(self) -> dict[str, Any]:
        """What is kept, without asking anybody: who, refreshed_at, and access_token with ends_at (Unix seconds).

        Empty where nobody has signed in. Raises ConfigError.
        """
        import msal

        cache = _cache_of(self.store.load())
        found = cache.search
        kinds = msal.TokenCache.CredentialType
        refresh = next(iter(found(kinds.REFRESH_TOKEN)), None)
        if refresh is None:
            return {}
        account: dict[str, Any] = next(iter(found(kinds.ACCOUNT)), {})
        access: dict[str, Any] = max(
            found(kinds.ACCESS_TOKEN), key=lambda entry: int(entry["expires_on"]), default={}
        )
        return {
            "who": account.get("username", ""),
            "refreshed_at": float(refresh.get("last_modification_time", 0)),
            "access_token": access.get("secret", ""),
            "ends_at": float(access.get("expires_on", 0)),
        }

    def ending(self) -> Ending | None:
        """When it ends if nobody uses it. Raises ConfigError."""
        kept = self.kept()
        return Ending(f"sign-in of {kept['who']}", kept["refreshed_at"] + UNUSED_S) if kept else None

    def _refreshed(self, transport: Transport) -> dict[str, Any]:
        import msal

        cache = _cache_of(self.store.load())
        client = msal.PublicClientApplication(
            self.application.client, token_cache=cache, **client_settings(self.application, transport)
        )
        accounts = client.get_accounts()
        answer: dict[str, Any] | None = None
        if accounts:
            scopes = list(self.application.scopes)
            answer = client.acquire_token_silent_with_error(scopes, accounts[0], force_refresh=True)
        if answer is None:
            words = f"nobody has signed in for this route yet: relay365 token login {self.route}"
            return {"error": "interaction_required", "error_description": words}
        if cache.has_state_changed:
            self._keep(cache.serialize())
        return answer

    def _keep(self, content: str) -> None:
        """The token at hand is good even where it cannot be kept; the one on disk still is as well."""
        try:
            self.store.save(content)
        except (OSError, ConfigError) as error:
            _LOG.error("token.not-kept route=%s error=%s", self.route, error)


def _cache_of(content: str) -> Any:
    """MSAL's cache with what was kept; ConfigError where that is no cache."""
    import msal

    cache = msal.SerializableTokenCache()
    try:
        cache.deserialize(content)
    except ValueError as error:
        raise ConfigError("the stored sign-in", "what relay365 wrote", "a damaged file") from error
    return cache
