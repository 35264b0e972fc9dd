"""What stands in an access token, for people: for whom, with which roles, how long. Nothing is verified.

Apart, because a token belongs to the resource that it is for: the relay reads it to explain a refusal and decides
nothing by it. A token without the role SMTP.SendAsApp is no proof of a mistake (RBAC for Applications).
(RFC 7519 4.1; Microsoft: "Access token claims reference")
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claims:
    """audience without https://; roles (application) or scopes (delegated); who: the person, where there is one."""

    audience: str = ""
    roles: tuple[str, ...] = ()
    who: str = ""
    application: str = ""


def read_claims(token: str) -> Claims:
    """The claims of a JWT; empty ones for a token that is none, which Microsoft is free to send."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, binascii.Error, ValueError):
        return Claims()
    if not isinstance(claims, dict):
        return Claims()
    roles = claims.get("roles") or str(claims.get("scp", "")).split()
    return Claims(
        str(claims.get("aud", "")).removeprefix("https://").rstrip("/"),
        tuple(str(role) for role in roles) if isinstance(roles, list) else (),
        str(claims.get("upn") or claims.get("preferred_username") or ""),
        str(claims.get("app_displayname", "")),
    )
