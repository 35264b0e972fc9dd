"""What Graph says about the tenant: message trace, DNS records of its domains, service principals.

(Microsoft Graph v1.0: "List exchangeMessageTraces" and getDetailsByRecipient, "List serviceConfigurationRecords",
"Get servicePrincipal"; Message Center MC1048624 for the MX names)
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from relay365.emulator.entra.signing import object_id
from relay365.emulator.graph import odata
from relay365.emulator.graph.answers import GraphError, instant
from relay365.emulator.house.parts import Parts
from relay365.emulator.tenant.traces import Trace

DEFAULT_SPAN = timedelta(hours=48)
LONGEST_SPAN = timedelta(days=10)
OLDEST = timedelta(days=90)
_FILTERS = frozenset(
    (
        "id", "messageId", "status", "recipientAddress", "senderAddress", "fromIP", "toIP", "subject",
        "receivedDateTime",
    )
)  # fmt: skip

EXCHANGE_APP = "00000002-0000-0ff1-ce00-000000000000"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
_ROLES: dict[str, tuple[str, dict[str, str]]] = {
    EXCHANGE_APP: (
        "Office 365 Exchange Online",
        {
            "SMTP.SendAsApp": "7146a1f0-8703-45b3-9eae-527a64c00995",
            "IMAP.AccessAsApp": "5e5addcd-3e8d-4e90-baf5-964efab2b20a",
            "POP.AccessAsApp": "cb842b43-da6e-4506-86fe-bb12199c656d",
            "Exchange.ManageAsApp": "dc50a0fb-09a3-484d-be87-e023b12c6440",
            "Mail.Send": "b633e1c5-b582-4048-a93e-9f11b44c7e96",
        },
    ),
    GRAPH_APP: (
        "Microsoft Graph",
        {
            "Mail.Send": "b633e1c5-b582-4048-a93e-9f11b44c7e96",
            "Mail.ReadWrite": "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
            "ExchangeMessageTrace.Read.All": "89b20d8a-76e2-4057-867b-9961f800b9a4",
        },
    ),
}
"""The app roles of the two resources. The id of SMTP.SendAsApp stands in one published table only."""


class TenantPages:
    """The handlers; whoever calls them has asked the gate."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def traces(self, request: Request) -> Response:
        """GET admin/exchange/tracing/messageTraces: newest first, by pages."""
        options = dict(request.query_params)
        token = options.pop("$skiptoken", "")
        query = odata.read(options | {"$skip": _offset(token)}, top=1000, most=5000)
        unknown = {clause.name for clause in query.clauses} - _FILTERS
        if unknown:
            raise GraphError("bad-query", f"Could not find a property named '{min(unknown)}'.")
        begins, ends = self._span(query)
        rows = [
            self._row(one)
            for one in reversed(list(self._parts.office.traces))
            if begins.timestamp() <= one.received_at <= ends.timestamp()
        ]
        value, has_more = query.page(rows)
        answer: dict[str, Any] = {
            "@odata.context": f"{self._parts.addresses.graph}/v1.0/$metadata#admin/exchange/tracing/messageTraces",
            "value": value,
        }
        if has_more:
            further = options | {"$skiptoken": _skip_token(query.skip + query.top)}
            answer["@odata.nextLink"] = str(request.url.replace_query_params(**further))
        return JSONResponse(answer)

    def details(self, request: Request) -> Response:
        """GET messageTraces/{id}/getDetailsByRecipient(recipientAddress='...')."""
        wanted = (request.path_params["trace"], request.path_params["recipient"].lower())
        for one in self._parts.office.traces:
            if (one.id, one.recipient.lower()) == wanted:
                return JSONResponse({"value": self._events(one)})
        raise GraphError("no-resource", request.path_params["trace"])

    def records(self, request: Request) -> Response:
        """GET domains/{domain}/serviceConfigurationRecords."""
        domain = request.path_params["domain"].lower()
        directory = self._parts.directory
        if domain not in directory.accepted_domains():
            raise GraphError("no-resource", domain)
        dashed = domain.replace(".", "-")
        known = {
            "protection": f"{dashed}.mail.protection.outlook.com",
            "mx.microsoft": f"{dashed}.x-v1.mx.microsoft",
        }
        common = {"isOptional": False, "label": domain, "supportedService": "Email", "ttl": 3600}
        tenant_id = directory.identity.tenant_id
        return JSONResponse(
            {
                "value": [
                    {
                        "@odata.type": "#microsoft.graph.domainDnsMxRecord", "id": object_id(tenant_id, f"mx {domain}"),
                        **common, "recordType": "Mx", "preference": 0,
                        "mailExchange": directory.graph.mx_host or known[directory.graph.mx_form],
                    },
                    {
                        "@odata.type": "#microsoft.graph.domainDnsTxtRecord",
                        "id": object_id(tenant_id, f"txt {domain}"), **common,
                        "recordType": "Txt", "text": "v=spf1 include:spf.protection.outlook.com -all",
                    },
                ]
            }
        )  # fmt: skip

    def principal(self, request: Request) -> Response:
        """GET servicePrincipals(appId='...')."""
        app_id = request.path_params["app"].lower()
        directory = self._parts.directory
        tenant_id = directory.identity.tenant_id
        no_roles: dict[str, str] = {}
        if app_id == directory.identity.client_id:
            (name, roles), own = ("relay365", no_roles), directory.identity.object_id
        elif app_id in _ROLES:
            (name, roles), own = _ROLES[app_id], object_id(tenant_id, app_id)
        else:
            raise GraphError("no-resource", app_id)
        query = odata.read({"$select": request.query_params.get("$select", "")}, top=1, most=1)
        found = {
            "id": own, "appId": app_id, "displayName": name,
            "appRoles": [
                {
                    "id": role, "value": value, "displayName": value, "allowedMemberTypes": ["Application"],
                    "isEnabled": True,
                }
                for value, role in roles.items()
            ],
        }  # fmt: skip
        return JSONResponse(query.reduce(found))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _span(self, query: odata.Query) -> tuple[datetime, datetime]:
        """The time that is asked about: both ends or none, at most ten days, nothing older than ninety."""
        now = datetime.fromtimestamp(self._parts.clock.now(), UTC)
        ends: dict[str, datetime] = {}
        for clause in query.clauses:
            if clause.name == "receivedDateTime":
                if clause.how not in ("ge", "le") or not isinstance(clause.value, datetime):
                    raise GraphError("bad-query", "receivedDateTime takes ge and le only.")
                ends[clause.how] = clause.value
        if not ends:
            return now - DEFAULT_SPAN, now
        if len(ends) < len(("ge", "le")):
            raise GraphError("bad-query", "Both start and end of receivedDateTime must be given.")
        if not timedelta() <= ends["le"] - ends["ge"] <= LONGEST_SPAN:
            raise GraphError("bad-query", "The time range must not be longer than 10 days.")
        if ends["ge"] < now - OLDEST:
            raise GraphError("bad-query", "The start must not be older than 90 days.")
        return ends["ge"], ends["le"]

    def _row(self, one: Trace) -> dict[str, Any]:
        return {
            "id": one.id, "senderAddress": one.sender, "recipientAddress": one.recipient, "messageId": one.message_id,
            "receivedDateTime": instant(one.received_at), "subject": one.subject, "size": one.size_octets,
            "fromIP": one.from_ip, "toIP": one.to_ip, "status": one.status(self._parts.clock.now()),
        }  # fmt: skip

    def _events(self, one: Trace) -> list[dict[str, Any]]:
        status = one.status(self._parts.clock.now())
        events = [("Receive", one.received_at, "Message received by the service.")]
        if status == "failed":
            events.append(("Fail", one.settles_at, f"Reason: [{{LED={one.detail}}}]"))
        elif status != "pending":
            events.append(("Deliver", one.settles_at, "The message was successfully delivered."))
        return [
            {
                "id": f"{one.id}-{n}", "messageId": one.message_id, "date": instant(at), "event": event, "action": "",
                "description": words, "data": "",
            }
            for n, (event, at, words) in enumerate(events)
        ]  # fmt: skip


def _skip_token(n: int) -> str:
    return base64.urlsafe_b64encode(f"after {n}".encode()).decode("ascii")


def _offset(token: str) -> str:
    """The offset of a $skiptoken; raises GraphError for one that was not given here."""
    if not token:
        return "0"
    try:
        word, _, number = base64.urlsafe_b64decode(token.encode()).decode("ascii").partition(" ")
    except ValueError as error:
        raise GraphError("bad-query", "The skip token is invalid.") from error
    if word != "after" or not number.isdigit():
        raise GraphError("bad-query", "The skip token is invalid.")
    return number
