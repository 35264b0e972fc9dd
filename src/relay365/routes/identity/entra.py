"""Microsoft's token service, or one that answers like it, asked by MSAL: for an application, for a managed identity.

Apart from TokenSource, which waits and remembers: here one question blocks and is forgotten. Each question has a
client of its own, because MSAL keeps refusals for a minute, and a healed credential must be seen at once.
An authority that is not Microsoft's must never make MSAL ask login.microsoftonline.com, hence instance_discovery=False
there. The addresses of managed identities come from the platform's own variables, which MSAL reads
(AZURE_POD_IDENTITY_AUTHORITY_HOST for the metadata service of a machine, IDENTITY_ENDPOINT and IDENTITY_HEADER for a
service).
(Microsoft: "Microsoft identity platform and the OAuth 2.0 client credentials flow"; "How managed identities for Azure
resources work with Azure virtual machines", read 2026-11)
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from relay365.errors import FAULTS, ConfigError
from relay365.routes.identity.credential import Credential, Version
from relay365.routes.identity.transport import Transport, Way

MICROSOFT = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)
_SUFFIX = "/.default"
_MSAL = logging.getLogger(
    "msal"
)  # it would write a proxy's page whole, and a traceback, into the relay's log


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration. authority: a base address; scopes: what its tokens are for."""

    authority: str
    tenant: str
    client: str
    scopes: tuple[str, ...]
    way: Way = field(default_factory=Way)

    def __str__(self) -> str:
        return f"{self.client} at {self.authority}/{self.tenant}"


class Entra:
    """The tokens that an application gets for itself."""

    def __init__(self, application: Application, credential: Credential) -> None:
        self.application, self.credential = application, credential

    def __repr__(self) -> str:
        return f"<Entra {self.application} by {self.credential.kind}>"

    def version(self) -> Version:
        """See Directory."""
        return self.credential.version()

    def ask(self) -> dict[str, Any]:
        """See Directory: discovery, then one request."""

        def question(transport: Transport) -> dict[str, Any]:
            import msal

            client = msal.ConfidentialClientApplication(
                self.application.client,
                client_credential=self.credential.proof(),
                **client_settings(self.application, transport),
            )
            answer: dict[str, Any] = client.acquire_token_for_client(list(self.application.scopes))
            return answer

        return asked(question, self.application.way)


class ManagedIdentity:
    """The tokens that Azure gives to the machine or service that the relay runs on.

    identity: "system", or the client id of a user-assigned one. No proxy: its address is link-local.
    """

    def __init__(self, identity: str, scope: str) -> None:
        self.identity, self.resource = identity, scope.removesuffix(_SUFFIX)

    def __repr__(self) -> str:
        return f"<ManagedIdentity {self.identity}>"

    def version(self) -> Version:
        """See Directory: there is no file."""
        return ()

    def ask(self) -> dict[str, Any]:
        """See Directory."""

        def question(transport: Transport) -> dict[str, Any]:
            import msal

            is_system = self.identity == "system"
            who = (
                msal.SystemAssignedManagedIdentity()
                if is_system
                else msal.UserAssignedManagedIdentity(client_id=self.identity)
            )
            client = msal.ManagedIdentityClient(who, http_client=transport)
            answer: dict[str, Any] = client.acquire_token_for_client(resource=self.resource)
            return answer

        return asked(question, Way())


def client_settings(application: Application, transport: Transport) -> dict[str, Any]:
    """What every MSAL application is made with."""
    return {
        "authority": f"{application.authority}/{application.tenant}",
        "instance_discovery": urlsplit(application.authority).hostname in MICROSOFT,
        "http_client": transport,
    }


def asked(question: Callable[[Transport], dict[str, Any]], way: Way) -> dict[str, Any]:
    """Put a question through a transport of its own; whatever goes wrong is an answer with an error. Never raises."""
    from msal.exceptions import MsalError

    _MSAL.setLevel(logging.CRITICAL)
    transport = Transport(way)
    try:
        answer = question(transport)
    except ConfigError as error:
        return {"error": "credential_unreadable", "error_description": str(error)}
    except (MsalError, *FAULTS) as error:  # MSAL raises what a strange answer makes of its parsing
        answer = transport.refusal() or transport.malformed() or transport.silence(error)
    finally:
        transport.close()
    wait_s = transport.retry_after_s()
    return {**answer, "retry_after": wait_s} if "error" in answer and wait_s else answer
