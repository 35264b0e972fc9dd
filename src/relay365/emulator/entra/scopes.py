"""What a token request asks for: one resource, its permissions, and the reserved scopes of OpenID Connect. Pure.

(Microsoft: "Scopes and permissions in the Microsoft identity platform"; RFC 6749 3.3)
"""

from __future__ import annotations

from dataclasses import dataclass

from relay365.emulator.entra.refusals import Refusal

OUTLOOK = ("https://outlook.office365.com", "https://outlook.office.com")
GRAPH = "https://graph.microsoft.com"
COMMUNICATION = "https://communication.azure.com"
RESOURCES = (*OUTLOOK, GRAPH, "https://ps.outlook.com", COMMUNICATION)
DEFAULT = ".default"
RESERVED = frozenset(("openid", "profile", "email", "offline_access"))

_KNOWN = {
    **dict.fromkeys(OUTLOOK, frozenset(("SMTP.Send", "IMAP.AccessAsUser.All", "POP.AccessAsUser.All"))),
    GRAPH: frozenset(("Mail.Send", "Mail.Send.Shared", "Mail.Read", "Mail.ReadWrite", "User.Read")),
}
"""The delegated permissions that each resource publishes, as far as a sender of mail may ask for them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One resource, permissions on it (`.default`: all that were consented to), and which reserved scopes came too."""

    resource: str
    permissions: frozenset[str]
    is_offline: bool
    is_openid: bool


def asked_by_application(scope: str, tenant: str) -> str:
    """The resource of an application's own request, which must be `.default`; raises Refusal."""
    if not scope.endswith("/" + DEFAULT) or " " in scope.strip():
        raise Refusal(70011, {"scope": scope})
    resource = scope.removesuffix("/" + DEFAULT).rstrip("/")
    if resource not in RESOURCES:
        raise Refusal(500011, {"scope": resource, "tenant": tenant})
    return resource


def asked_for_user(scope: str, tenant: str) -> Asked:
    """What a request for a user asks for; bare names are permissions of Graph. Raises Refusal."""
    words = scope.split()
    found: dict[str, set[str]] = {}
    for word in words:
        if word not in RESERVED:
            resource, _, name = word.rpartition("/")
            found.setdefault(resource.rstrip("/") or GRAPH, set()).add(name)
    if len(found) > 1:
        raise Refusal(28000, {"scope": scope})
    resource, names = next(iter(found.items()), (GRAPH, {"User.Read"}))
    if resource not in RESOURCES:
        raise Refusal(500011, {"scope": resource, "tenant": tenant})
    unknown = names - _KNOWN.get(resource, frozenset()) - {DEFAULT}
    if unknown:
        raise Refusal(70011, {"scope": scope})
    return Asked(resource, frozenset(names), "offline_access" in words, "openid" in words)


def consented(asked: Asked, delegated: tuple[str, ...], client: str) -> frozenset[str]:
    """The permissions of a token: Entra gives all that the user consented to on the resource. Raises Refusal 65001
    where one was asked for that nobody consented to.
    """
    granted = frozenset(delegated) & _KNOWN.get(asked.resource, frozenset())
    if not granted or not asked.permissions - {DEFAULT} <= granted:
        raise Refusal(65001, {"client": client})
    return granted
