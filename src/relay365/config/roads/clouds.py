"""The national clouds of Microsoft 365 as presets: what a route's addresses are where the file does not name them.

Tokens of one cloud are worth nothing in another. (Microsoft: "National clouds", "Microsoft Graph national cloud
deployments", read 2026-11; the SMTP hosts of DoD and 21Vianet are not documented in full, so `endpoint` can be set)
"""

from __future__ import annotations

from typing import Any, Literal

Cloud = Literal["global", "gcc-high", "dod", "china"]

AUTHORITY: dict[str, str] = {
    "global": "https://login.microsoftonline.com",
    "gcc-high": "https://login.microsoftonline.us",
    "dod": "https://login.microsoftonline.us",
    "china": "https://login.partner.microsoftonline.cn",
}
GRAPH: dict[str, str] = {
    "global": "https://graph.microsoft.com",
    "gcc-high": "https://graph.microsoft.us",
    "dod": "https://dod-graph.microsoft.us",
    "china": "https://microsoftgraph.chinacloudapi.cn",
}
SUBMISSION: dict[str, str] = {
    "global": "smtp.office365.com:587",
    "gcc-high": "smtp.office365.us:587",
    "dod": "outlook-dod.office365.us:587",
    "china": "smtp.partner.outlook.cn:587",
}
SMTP_RESOURCE: dict[str, str] = {
    "global": "https://outlook.office365.com",
    "gcc-high": "https://outlook.office365.us",
    "dod": "https://outlook.office365.us",
    "china": "https://partner.outlook.cn",
}


DELEGATED_RESOURCE: dict[str, str] = {**SMTP_RESOURCE, "global": "https://outlook.office.com"}
HVE_RESOURCE = "https://outlook.office.com"
"""High Volume Email is worldwide only."""


def with_presets(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The keys of a route as they stand in the file, and the addresses of its cloud where they do not."""
    cloud = given.get("cloud", "global")
    if not isinstance(cloud, str) or cloud not in AUTHORITY:
        return given  # the model says what is wrong with it
    found: dict[str, Any] = {"authority": AUTHORITY[cloud], "graph_endpoint": GRAPH[cloud]}
    if kind == "submission":
        found["endpoint"] = SUBMISSION[cloud]
    graph = GRAPH[cloud]  # the resource keeps its name, by whatever address it is reached
    found["scope"] = (_delegated if given.get("login") == "mailbox" else _application)(kind, cloud, graph)
    if kind == "graph" and given.get("login") == "mailbox" and given.get("large") != "refuse":
        found["scope"] += f" {graph}/Mail.ReadWrite"  # a draft and an upload session are writing
    return {**found, **given}


def _application(kind: str, cloud: str, graph: str) -> str:
    return {
        "submission": f"{SMTP_RESOURCE[cloud]}/.default",
        "hve": f"{HVE_RESOURCE}/.default",
        "acs": "https://communication.azure.com/.default",
    }.get(kind, f"{graph}/.default")


def _delegated(kind: str, cloud: str, graph: str) -> str:
    """What a person allows; MSAL adds offline_access, without which there is no refresh token."""
    return {
        "submission": f"{DELEGATED_RESOURCE[cloud]}/SMTP.Send",
        "hve": f"{HVE_RESOURCE}/Mail.Send",
        "acs": "https://communication.azure.com/.default",
        "graph": f"{graph}/Mail.Send",
    }.get(kind, f"{graph}/.default")
