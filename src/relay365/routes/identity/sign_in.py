"""A person signs in once: by browser with a code and its proof key, or by a device code; what comes of it is kept.

Apart from PersonSignIn, which needs nobody. The code is worth nothing without the verifier that never leaves this
process (PKCE), and state ties the answer to the question. Device code comes last: Microsoft tells administrators to
block it. (RFC 7636; RFC 8628; RFC 8252; Microsoft: "Authorization code flow"; "Block device code flow")
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

from relay365.routes.identity.entra import Application, asked, client_settings
from relay365.routes.identity.store import TokenStore
from relay365.routes.identity.transport import Transport


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way. address: to open in a browser; user_code: to type there, for device code."""

    address: str
    user_code: str = ""
    flow: dict[str, Any] = field(default_factory=dict, repr=False)


class SignIn:
    """The questions of one sign-in. All block; answers are MSAL's, with error where they are refusals."""

    def __init__(self, application: Application, store: TokenStore) -> None:
        self._application, self._store = application, store

    def by_browser(
        self, redirect_address: str, login_hint: str, *, pasted: bool = False
    ) -> Begun | dict[str, Any]:
        """Begin with a browser that is sent back to redirect_address. login_hint: the mailbox.

        pasted: a person copies the address, so the answer must stand in it; otherwise the browser posts a form, and
        no history keeps the code.
        """

        def question(transport: Transport) -> dict[str, Any]:
            with warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", "response_mode", UserWarning
                )  # MSAL's, against what is pasted
                flow: dict[str, Any] = self._client(transport).initiate_auth_code_flow(
                    list(self._application.scopes),
                    redirect_uri=redirect_address,
                    login_hint=login_hint or None,
                    response_mode="query" if pasted else "form_post",
                )
            return flow

        flow = asked(question, self._application.way)
        return flow if "auth_uri" not in flow else Begun(flow["auth_uri"], flow=flow)

    def by_device_code(self) -> Begun | dict[str, Any]:
        """Begin with a code that is typed at another machine."""

        def question(transport: Transport) -> dict[str, Any]:
            flow: dict[str, Any] = self._client(transport).initiate_device_flow(
                list(self._application.scopes)
            )
            return flow

        flow = asked(question, self._application.way)
        return flow if "user_code" not in flow else Begun(flow["verification_uri"], flow["user_code"], flow)

    def finish(self, begun: Begun, redirected: dict[str, str]) -> dict[str, Any]:
        """Redeem what the browser came back with, and keep it. Raises OSError, ConfigError and StoreBusy."""

        def redeem(client: Any) -> dict[str, Any]:
            answer: dict[str, Any] = client.acquire_token_by_auth_code_flow(begun.flow, redirected)
            return answer

        return self._kept(redeem)

    def wait(self, begun: Begun) -> dict[str, Any]:
        """Ask until the person has typed the code or it has ended, and keep what comes of it. Raises as finish()."""

        def redeem(client: Any) -> dict[str, Any]:
            answer: dict[str, Any] = client.acquire_token_by_device_flow(begun.flow)
            return answer

        return self._kept(redeem)

    def _kept(self, redeem: Any) -> dict[str, Any]:
        """An earlier sign-in is replaced only when the new one is whole on disk."""
        import msal

        cache = msal.SerializableTokenCache()

        def question(transport: Transport) -> dict[str, Any]:
            answer: dict[str, Any] = redeem(self._client(transport, cache))
            return answer

        answer = asked(question, self._application.way)
        if "access_token" in answer:
            with self._store.held():
                self._store.save(cache.serialize())
        return answer

    def _client(self, transport: Transport, cache: Any = None) -> Any:
        import msal

        settings = client_settings(self._application, transport)
        return msal.PublicClientApplication(self._application.client, token_cache=cache, **settings)
