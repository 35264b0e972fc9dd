"""What the token endpoint says when it gives no token: one row per AADSTS number, and the JSON body around it.

Microsoft says that programs must act on `error` only, and that numbers and texts may change; so the table is data.
(Microsoft: "Microsoft Entra authentication and authorization error codes"; "Throttling" in the MSAL documentation for
50196)
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One AADSTS number: OAuth error, HTTP status, words with {facts}."""

    error: str
    status: int
    words: str


ROWS: dict[int, Row] = {
    7000215: Row(
        "invalid_client", 401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not"
        " the client secret ID, for a secret added to app '{client}'.",
    ),
    7000222: Row(
        "invalid_client", 401,
        "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for"
        " your app, or consider using certificate credentials for added security.",
    ),
    7000218: Row(
        "invalid_client", 401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    7000112: Row("unauthorized_client", 400, "Application '{client}' is disabled."),
    700016: Row(
        "unauthorized_client", 400,
        "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the"
        " application has not been installed by the administrator of the tenant or consented to by any user in the"
        " tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    700021: Row(
        "invalid_client", 401, "Client assertion application identifier doesn't match 'client_id' parameter."
    ),
    700023: Row(
        "invalid_client", 401, "Client assertion audience claim does not match Realm issuer. Found: '{reason}'."
    ),
    700024: Row("invalid_client", 401, "Client assertion is not within its valid time range. {reason}"),
    700027: Row(
        "invalid_client", 401,
        "The certificate with identifier used to sign the client assertion is not registered on application."
        " [Reason - {reason}]",
    ),
    90002: Row(
        "invalid_request", 400,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the"
        " correct cloud. Check with your subscription administrator, this may happen if there are no active"
        " subscriptions for the tenant.",
    ),
    500011: Row(
        "invalid_resource", 400,
        "The resource principal named {scope} was not found in the tenant named {tenant}. This can happen if the"
        " application has not been installed by the administrator of the tenant or consented to by any user in the"
        " tenant. You might have sent your authentication request to the wrong tenant.",
    ),
    70011: Row(
        "invalid_scope", 400,
        "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
    ),
    70003: Row("unsupported_grant_type", 400, "The app requested an unsupported grant type '{grant}'."),
    900144: Row(
        "invalid_request", 400, "The request body must contain the following parameter: '{parameter}'."
    ),
    50196: Row(
        "invalid_grant", 429,
        "The server terminated an operation because it encountered a client request loop. Please contact your app"
        " vendor.",
    ),
    90055: Row("temporarily_unavailable", 429, "Tenant throttled: there are too many incoming requests."),
    90033: Row("temporarily_unavailable", 503, "A transient error has occurred. Please try again."),
    65001: Row(
        "invalid_grant", 400,
        "The user or administrator has not consented to use the application with ID '{client}'.",
    ),
    700030: Row("invalid_client", 401, "Invalid certificate - subject name in certificate is not authorized."),
    53003: Row("access_denied", 400, "Access has been blocked by Conditional Access policies."),
}  # fmt: skip
"""Every number that the emulator gives by itself, with Microsoft's words where they were read."""

OTHER = Row("invalid_client", 401, "The emulator has no words for this number.")


@dataclass
class Refusal(Exception):
    """No token, for this reason; facts fill the words of the row."""

    number: int
    facts: dict[str, str] = field(default_factory=dict)
    retry_after_s: int = 0

    def __str__(self) -> str:
        return f"AADSTS{self.number}"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return ROWS.get(self.number, OTHER).status

    def body(self, base: str, correlation_id: str, at: float) -> dict[str, Any]:
        """The JSON body with exactly Entra's keys; base is the address of the service, at is now in Unix seconds."""
        row = ROWS.get(self.number, OTHER)
        timestamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace_id = str(uuid.uuid4())
        words = row.words.format_map(_Facts(self.facts))
        return {
            "error": row.error,
            "error_description": f"AADSTS{self.number}: {words} Trace ID: {trace_id}"
            f" Correlation ID: {correlation_id} Timestamp: {timestamp}",
            "error_codes": [self.number],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"{base}/error?code={self.number}",
        }


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"<{key}>"
