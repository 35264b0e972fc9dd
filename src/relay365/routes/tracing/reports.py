"""ReportReader: the non-delivery reports in the inbox of a sending mailbox. Nothing in the mailbox is changed.

Apart from mail.ndr, which reads one report: this finds them. Only mail of a postmaster is opened; what people write to
the mailbox is listed by sender and date, and not read.
(Microsoft Graph: "List messages", "Get MIME content of a message"; "Email non-delivery reports in Exchange Online")
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from relay365.clock import Clock
from relay365.routes.tracing.asking import NO_MAIL, Asks, ask, query
from relay365.routes.tracing.traces import instant_of

ITEMS_PER_CALL = 100
MOST_PAGES = 50
POSTMASTERS = ("microsoftexchange329e71ec88ae4615bbc36ab6ce41109e", "postmaster", "mailer-daemon")


@dataclass(frozen=True, slots=True)
class ReportItem:
    """A message that may be a report."""

    id: str
    received_at: float


class ReportReader:
    """The inbox of one mailbox."""

    def __init__(self, client: Asks, mailbox: str, clock: Clock) -> None:
        self.mailbox = mailbox
        self._client, self._clock = client, clock
        self._user = f"/v1.0/users/{quote(mailbox, safe='@')}"

    async def since(self, at: float) -> list[ReportItem]:
        """What may be a report and came at an instant or after it, oldest first. Raises AskLater."""
        from_ = datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        page = query(
            f"{self._user}/mailFolders/inbox/messages",
            select="id,receivedDateTime,from",
            filter=f"receivedDateTime ge {from_}",
            orderby="receivedDateTime",
            top=str(ITEMS_PER_CALL),
        )
        found: list[ReportItem] = []
        for _ in range(MOST_PAGES):
            answer = (await ask(self._client, page, self._clock.now(), do=NO_MAIL)).json()
            given = answer.get("value")
            items = map(_item, given if isinstance(given, list) else ())
            found += [item for item in items if item is not None]
            page = str(answer.get("@odata.nextLink", ""))
            if not page:
                break
        return sorted(found, key=lambda item: item.received_at)

    async def content(self, item: ReportItem) -> bytes:
        """The message; its end may be missing where it is long: what returns with it is not needed. Raises AskLater."""
        path = f"{self._user}/messages/{quote(item.id, safe='')}/$value"
        return (await ask(self._client, path, self._clock.now(), do=NO_MAIL)).octets


def _item(given: Any) -> ReportItem | None:
    """A postmaster's message; None for all other mail."""
    if not isinstance(given, dict):
        return None
    at = instant_of(str(given.get("receivedDateTime") or ""))
    author = given.get("from")
    address = author.get("emailAddress") if isinstance(author, dict) else None
    name = str(address.get("address") or "").lower() if isinstance(address, dict) else ""
    if at is None or not given.get("id") or (name and not name.startswith(POSTMASTERS)):
        return None
    return ReportItem(str(given["id"]), at)
