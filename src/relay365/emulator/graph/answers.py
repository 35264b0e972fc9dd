"""What Graph says when it refuses: one row per case, and the JSON body around it.

A row marked unsure has a code that was seen, but a status or words that nobody has published.
(Microsoft: "Microsoft Graph error responses and resource types"; "Microsoft Graph throttling guidance"; "user:
sendMail", "Attach large files to Outlook messages")
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """HTTP status, code, words with {facts}; sure is False where status or words are ours."""

    status: int
    code: str
    words: str
    sure: bool = True


ROWS: dict[str, Row] = {
    "bad-base64": Row(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content."),
    "bad-json": Row(400, "BadRequest", "Unable to read JSON request payload. {reason}", sure=False),
    "bad-query": Row(400, "BadRequest", "{reason}", sure=False),
    "bad-header": Row(
        400, "InvalidInternetMessageHeader",
        "The internet message header name '{reason}' should start with 'x-' or 'X-'.",
    ),
    "no-recipients": Row(400, "ErrorInvalidRecipients", "At least one recipient is not valid."),
    "many-recipients": Row(
        400, "ErrorExceededMaxRecipientLimit",
        "The number of recipients of the message exceeds the limit of the mailbox.", sure=False,
    ),
    "inefficient": Row(
        400, "InefficientFilter", "The restriction or sort order is too complex for this operation."
    ),
    "too-large-413": Row(413, "RequestEntityTooLarge", "The request entity is too large.", sure=False),
    "too-large-400": Row(400, "BadRequest", "The maximum request length supported is 4MB."),
    "too-large-size": Row(
        413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.", sure=False
    ),
    "attachment-small": Row(
        400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
        "Attachment size should not be less than the minimum size of 3 MB.", sure=False,
    ),
    "attachment-large": Row(
        400, "ErrorAttachmentSizeLimitExceeded", "Attachment size exceeds the limit of 150 MB.", sure=False
    ),
    "no-token": Row(401, "InvalidAuthenticationToken", "Access token is empty."),
    "bad-token": Row(
        401, "InvalidAuthenticationToken",
        "IDX14100: JWT is not well formed, there are no dots (.).", sure=False,
    ),
    "wrong-audience": Row(
        401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience."
    ),
    "old-token": Row(
        401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.", sure=False
    ),
    "early-token": Row(
        401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is not yet valid.", sure=False
    ),
    "upload-token": Row(401, "InvalidAuthenticationToken", "The upload URL takes no Authorization header.", sure=False),
    "no-principal": Row(
        401, "Unauthorized",
        "Service principal-less Authentication failed: the service principal of application"
        " 8bd644d1-64a1-4d4b-ae52-2e0cbf64e373 was not found in the tenant.", sure=False,
    ),
    "denied": Row(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    "no-consent": Row(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    ),
    "send-as": Row(
        403, "ErrorSendAsDenied",
        "The user account which was used to submit this request does not have the right to send mail on behalf of the"
        " specified sending account.",
    ),
    "blocked": Row(
        403, "ErrorMessageSubmissionBlocked", "Cannot send mail. The account is blocked from sending.", sure=False
    ),
    "no-user": Row(404, "ErrorInvalidUser", "The requested user '{reason}' is invalid.", sure=False),
    "no-rest": Row(
        404, "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    ),
    "no-item": Row(404, "ErrorItemNotFound", "The specified object was not found in the store."),
    "no-resource": Row(
        404, "Request_ResourceNotFound",
        "Resource '{reason}' does not exist or one of its queried reference-property objects are not present.",
    ),
    "no-path": Row(404, "ResourceNotFound", "Resource not found for the segment '{reason}'.", sure=False),
    "no-session": Row(404, "ErrorItemNotFound", "The upload session was not found.", sure=False),
    "bad-range": Row(416, "InvalidContentRange", "The content range is not the next expected one.", sure=False),
    "parallel": Row(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    "throttled": Row(429, "TooManyRequests", "Too many requests.", sure=False),
    "minute": Row(
        429, "ErrorExceededMessageLimit", "Cannot send mail. Submitted messages are above the limit.", sure=False
    ),
    "full": Row(507, "ErrorQuotaExceeded", "The mailbox is full.", sure=False),
    "unwell-400": Row(400, "BadRequest", "The request is malformed or incorrect.", sure=False),
    "unwell-401": Row(401, "InvalidAuthenticationToken", "Access token validation failure."),
    "unwell-403": Row(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    "unwell-404": Row(
        404, "MailboxNotEnabledForRESTAPI",
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    ),
    "unwell-413": Row(413, "RequestEntityTooLarge", "The request entity is too large.", sure=False),
    "unwell-429": Row(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    "unwell-500": Row(500, "ErrorInternalServerError", "An internal server error occurred.", sure=False),
    "unwell-502": Row(502, "BadGateway", "Bad gateway.", sure=False),
    "unwell-503": Row(503, "ServiceUnavailable", "The service is temporarily unavailable.", sure=False),
    "unwell-504": Row(504, "GatewayTimeout", "The gateway timed out.", sure=False),
}  # fmt: skip
"""Every refusal that the emulator gives, by its name."""


@dataclass
class GraphError(Exception):
    """A refused request: a row by its name, the fact that its words need, and further header fields."""

    row: str
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return ROWS[self.row].status

    def body(self, request_id: str, client_request_id: str, at: float) -> dict[str, Any]:
        """The JSON body in Graph's shape; at is now in Unix seconds."""
        row = ROWS[self.row]
        instant = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        ids = {"date": instant, "request-id": request_id, "client-request-id": client_request_id}
        words = row.words.replace("{reason}", self.reason)
        return {"error": {"code": row.code, "message": words, "innerError": ids}}


def instant(at: float) -> str:
    """An instant as Graph writes it, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
