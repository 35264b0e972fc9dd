"""A tenant as the cmdlets and Graph calls of our scripts see it, and an administrator who runs a script in it.

The tenant does what Microsoft's pages say; the classic mistake, an object id of the wrong kind, has its effect here.
"""

# ruff: noqa: N803  # parameters bear the names of the cmdlets' own

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from fakes.powershell import Shell

EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
Object = dict[str, Any]


class FakeTenant:
    """Applications, principals, mailboxes, scopes, connectors. changed: called after each change."""

    def __init__(
        self, *, client: str = "", mailboxes: tuple[str, ...] = (), domain: str = "contoso.com"
    ) -> None:
        self.client, self.domain = client, domain
        self.applications: list[Object] = []
        self.principals: list[Object] = [
            {
                "id": "exchange-principal", "appId": EXCHANGE,
                "appRoles": [
                    {"id": "role-send-as", "value": "SMTP.SendAsApp"}, {"id": "role-mail", "value": "Mail.Send"},
                ],
                "oauth2PermissionScopes": [{"id": "scope-send", "value": "SMTP.Send"}],
            }
        ]  # fmt: skip
        self.assignments: list[Object] = []
        self.services: list[Object] = []
        self.mailboxes = {one: {"Guid": f"guid-{one}"} for one in mailboxes}
        self.switches: dict[str, bool | None] = {}
        self.full_access: set[tuple[str, str]] = set()
        self.send_as: set[tuple[str, str]] = set()
        self.scopes: list[Object] = []
        self.roles: list[Object] = []
        self.connectors: list[Object] = []
        self.hve: set[tuple[str, str]] = set()
        self.log: list[str] = []
        self.changed: Callable[[], None] = lambda: None

    def run(self, script: str, *, yes: bool = True) -> list[str]:
        """Run a script as an administrator who says yes, or -WhatIf; gives its output. asked is in the shell."""
        self.shell = Shell(self.cmdlets(), lambda *_: yes)
        return self.shell.run(script)

    @property
    def can_send_from(self) -> set[str]:
        """The mailboxes that the application may use: Full Access or a role, by the right object id, and consent."""
        right = {
            one["Identity"] for one in self.services if one["ObjectId"] in {p["id"] for p in self.principals}
        }
        consented = any(one["appRoleId"] == "role-send-as" for one in self.assignments)
        by_scope = {
            box for box, one in self.mailboxes.items() for scope in self.scopes
            if one["Guid"] in scope["Filter"] and any(role["Scope"] == scope["Name"] for role in self.roles)
        }  # fmt: skip
        by_access = {box for box, user in self.full_access if user in right} if consented else set()
        return by_access | (by_scope if right else set())

    def cmdlets(self) -> dict[str, Callable[..., list[Any]]]:
        """By name; each notes what changes."""
        names = [name for name in dir(self) if re.match(r"(connect|get|new|set|add|remove|invoke)_", name)]
        return {_spelled(name): getattr(self, name) for name in names}

    def _note(self, words: str) -> None:
        self.log.append(words)
        self.changed()

    # -- Graph ------------------------------------------------------------------------------------------------------

    def connect_mg_graph(self, **_: Any) -> list[Any]:
        return []

    def connect_exchange_online(self, **_: Any) -> list[Any]:
        return []

    def invoke_mg_graph_request(self, Method: str, Uri: str, Body: Object | None = None) -> list[Any]:
        path, _, query = Uri.removeprefix("v1.0/").partition("?")
        kind, *rest = path.split("/")
        objects = self.applications if kind == "applications" else self.principals
        if rest[1:] == ["appRoleAssignments"]:
            return self._consents(Method, Body)
        if Method == "GET":
            return [_found(objects, rest[0])] if rest else [{"value": _filtered(objects, query)}]
        if Method == "POST":
            return [self._created(kind, objects, dict(Body or {}))]
        one = _found(objects, rest[0])
        if Method == "DELETE":
            objects.remove(one)
            self.principals = [p for p in self.principals if p["appId"] != one["appId"]]
        else:
            one.update(Body or {})
        self._note(f"{Method} {kind}")
        return []

    def _created(self, kind: str, objects: list[Object], body: Object) -> Object:
        body["id"] = str(uuid.uuid4())
        if kind == "applications":
            body["appId"] = self.client or str(uuid.uuid4())
        objects.append(body)
        self._note(f"POST {kind}")
        return body

    def _consents(self, method: str, body: Object | None) -> list[Any]:
        if method == "GET":
            return [{"value": list(self.assignments)}]
        self.assignments.append(dict(body or {}))
        self._note("POST appRoleAssignments")
        return [body]

    # -- Exchange ---------------------------------------------------------------------------------------------------

    def get_service_principal(self) -> list[Any]:
        return list(self.services)

    def new_service_principal(self, AppId: str, ObjectId: str, DisplayName: str) -> list[Any]:
        one = {"AppId": AppId, "ObjectId": ObjectId, "DisplayName": DisplayName, "Identity": f"sp-{ObjectId}"}
        self.services.append(one)
        self._note("New-ServicePrincipal")
        return [one]

    def remove_service_principal(self, Identity: str, Confirm: bool) -> list[Any]:
        self.services = [one for one in self.services if one["Identity"] != Identity]
        self._note("Remove-ServicePrincipal")
        return []

    def get_mailbox(self, Identity: str, ErrorAction: str) -> list[Any]:
        return [self.mailboxes[Identity]] if Identity in self.mailboxes else []

    def new_mailbox(self, Shared: bool, Name: str, DisplayName: str, PrimarySmtpAddress: str) -> list[Any]:
        self.mailboxes[PrimarySmtpAddress] = {"Guid": f"guid-{Name}"}
        self._note("New-Mailbox")
        return [self.mailboxes[PrimarySmtpAddress]]

    def get_c_a_s_mailbox(self, Identity: str, ErrorAction: str = "") -> list[Any]:
        return [{"SmtpClientAuthenticationDisabled": self.switches.get(Identity)}]

    def set_c_a_s_mailbox(self, Identity: str, SmtpClientAuthenticationDisabled: bool | None) -> list[Any]:
        self.switches[Identity] = SmtpClientAuthenticationDisabled
        self._note("Set-CASMailbox")
        return []

    def get_mailbox_permission(self, Identity: str, User: str, ErrorAction: str) -> list[Any]:
        return [{"AccessRights": ["FullAccess"]}] if (Identity, User) in self.full_access else []

    def add_mailbox_permission(self, Identity: str, User: str, AccessRights: str) -> list[Any]:
        self.full_access.add((Identity, User))
        self._note("Add-MailboxPermission")
        return [{}]

    def remove_mailbox_permission(
        self, Identity: str, User: str, AccessRights: str, Confirm: bool
    ) -> list[Any]:
        self.full_access.remove((Identity, User))
        self._note("Remove-MailboxPermission")
        return []

    def get_recipient_permission(
        self,
        Identity: str,
        Trustee: str,
        AccessRights: str,
        ErrorAction: str,
    ) -> list[Any]:
        return [{}] if (Identity, Trustee) in self.send_as else []

    def add_recipient_permission(
        self, Identity: str, Trustee: str, AccessRights: str, Confirm: bool
    ) -> list[Any]:
        self.send_as.add((Identity, Trustee))
        self._note("Add-RecipientPermission")
        return [{}]

    def remove_recipient_permission(
        self, Identity: str, Trustee: str, AccessRights: str, Confirm: bool
    ) -> list[Any]:
        self.send_as.remove((Identity, Trustee))
        self._note("Remove-RecipientPermission")
        return []

    def get_management_scope(self) -> list[Any]:
        return list(self.scopes)

    def new_management_scope(self, Name: str, RecipientRestrictionFilter: str) -> list[Any]:
        self.scopes.append({"Name": Name, "Filter": RecipientRestrictionFilter})
        self._note("New-ManagementScope")
        return [self.scopes[-1]]

    def remove_management_scope(self, Identity: str, Confirm: bool) -> list[Any]:
        self.scopes = [one for one in self.scopes if one["Name"] != Identity]
        self._note("Remove-ManagementScope")
        return []

    def get_management_role_assignment(self, Role: str) -> list[Any]:
        return [one for one in self.roles if one["Role"] == Role]

    def new_management_role_assignment(
        self,
        Name: str,
        Role: str,
        App: str,
        CustomResourceScope: str,
    ) -> list[Any]:
        self.roles.append({"Name": Name, "Role": Role, "App": App, "Scope": CustomResourceScope})
        self._note("New-ManagementRoleAssignment")
        return [self.roles[-1]]

    def remove_management_role_assignment(self, Identity: str, Confirm: bool) -> list[Any]:
        self.roles = [one for one in self.roles if one["Name"] != Identity]
        self._note("Remove-ManagementRoleAssignment")
        return []

    def add_h_v_e_app_access(self, Identity: str, AppIds: str) -> list[Any]:
        self.hve.add((Identity, AppIds))
        self._note("Add-HVEAppAccess")
        return []

    def remove_h_v_e_app_access(self, Identity: str, AppIds: str, Confirm: bool) -> list[Any]:
        self.hve.discard((Identity, AppIds))
        self._note("Remove-HVEAppAccess")
        return []

    def get_accepted_domain(self) -> list[Any]:
        return [{"DomainName": self.domain}]

    def get_inbound_connector(self) -> list[Any]:
        return list(self.connectors)

    def new_inbound_connector(self, **parameters: Any) -> list[Any]:
        self.connectors.append(parameters)
        self._note("New-InboundConnector")
        return [parameters]

    def set_inbound_connector(self, Identity: str, **parameters: Any) -> list[Any]:
        next(one for one in self.connectors if one["Name"] == Identity).update(parameters)
        self._note("Set-InboundConnector")
        return []

    def remove_inbound_connector(self, Identity: str, Confirm: bool) -> list[Any]:
        self.connectors = [one for one in self.connectors if one["Name"] != Identity]
        self._note("Remove-InboundConnector")
        return []


def _found(objects: list[Object], identity: str) -> Object:
    return next(one for one in objects if one["id"] == identity)


def _filtered(objects: list[Object], query: str) -> list[Object]:
    found = re.search(r"\$filter=([^&]+)", query)
    if found is None:
        return list(objects)
    words = re.fullmatch(r"(\w+) eq '(.*)'", unquote(found[1]))
    assert words is not None, found[1]
    return [one for one in objects if one.get(words[1]) == words[2].replace("''", "'")]


def _spelled(name: str) -> str:
    verb, *words = name.split("_")
    return verb.capitalize() + "-" + "".join(word.capitalize() for word in words)
