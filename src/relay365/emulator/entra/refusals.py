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
    28000: Row(
        "invalid_request", 400,
        "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope"
        " {scope} is not valid.",
    ),
    50011: Row(
        "invalid_request", 400,
        "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the"
        " application '{client}'. Make sure the redirect URI sent in the request matches one added to your application"
        " in the Azure portal.",
    ),
    50034: Row(
        "invalid_grant", 400,
        "The user account {user} does not exist in the {tenant} directory. To sign into this application, the account"
        " must be added to the directory.",
    ),
    50053: Row(
        "invalid_grant", 400,
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    ),
    50055: Row("invalid_grant", 400, "The password is expired."),
    50057: Row("invalid_grant", 400, "The user account is disabled."),
    50058: Row("login_required", 400, "A silent sign-in request was sent but no user is signed in."),
    50076: Row(
        "interaction_required", 400,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use"
        " multi-factor authentication to access '{resource}'.",
    ),
    50105: Row(
        "interaction_required", 400,
        "Your administrator has configured the application '{client}' to block users unless they are specifically"
        " granted ('assigned') access to the application.",
    ),
    50126: Row(
        "invalid_grant", 400, "Error validating credentials due to invalid username or password."
    ),
    50173: Row(
        "invalid_grant", 400,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have"
        " changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before"
        " which tokens are not valid) for this user is '{valid}'.",
    ),
    500112: Row(
        "invalid_client", 400,
        "The reply address '{redirect}' does not match the reply address provided when requesting Authorization code.",
    ),
    501481: Row(
        "invalid_grant", 400,
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    ),
    54005: Row(
        "invalid_grant", 400,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh"
        " token.",
    ),
    65004: Row("access_denied", 400, "User declined to consent to access the app."),
    70000: Row("invalid_grant", 400, "Provided grant is invalid or malformed."),
    70008: Row(
        "invalid_grant", 400,
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive"
        " authorization request for this user and resource.",
    ),
    70016: Row(
        "authorization_pending", 400,
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    70018: Row(
        "bad_verification_code", 400,
        "Invalid verification code due to User typing in wrong user code for device code flow.",
    ),
    70019: Row("expired_token", 400, "Verification code expired."),
    700025: Row(
        "invalid_client", 401,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    700051: Row("unsupported_response_type", 400, "The response_type '{reason}' is not enabled for the application."),
    700082: Row(
        "invalid_grant", 400,
        "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for"
        " {idle}.",
    ),
    700211: Row(
        "invalid_client", 401,
        "No matching federated identity record found for presented assertion issuer '{reason}'.",
    ),
    700212: Row(
        "invalid_client", 401,
        "No matching federated identity record found for presented assertion audience '{reason}'.",
    ),
    700213: Row(
        "invalid_client", 401,
        "No matching federated identity record found for presented assertion subject '{reason}'.",
    ),
}  # fmt: skip
"""Every number that the emulator gives by itself, with Microsoft's words where they were read."""

OTHER = Row("invalid_client", 401, "The emulator has no words for this number.")


@dataclass
class Refusal(Exception):
    """No token, for this reason; facts fill the words of the row, error takes the place of its OAuth error."""

    number: int
    facts: dict[str, str] = field(default_factory=dict)
    retry_after_s: int = 0
    error: str = ""

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
            "error": self.error or row.error,
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
