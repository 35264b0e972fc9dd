"""A mailbox over HTTP: sendMail, drafts with their attachments, and the folders that can be read.

Handlers take a Call, which has passed the gate, and give the answer or raise GraphError.
(Microsoft Graph v1.0: "user: sendMail", "Create message", "Update message", "message: send", "Add attachment",
"message: copy", "attachment: createUploadSession", "List messages", "Get message", "Get MIME content of a message")
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from relay365.emulator.directory import MailboxState
from relay365.emulator.entra.signing import Claims
from relay365.emulator.graph import mime, odata
from relay365.emulator.graph.answers import GraphError, instant
from relay365.emulator.graph.drafts import Draft, Drafts
from relay365.emulator.graph.sending import How, Sending
from relay365.emulator.house.parts import Parts
from relay365.emulator.tenant.postbox import Folder, Item

FOLDERS: dict[str, Folder] = {"inbox": "inbox", "sentitems": "sentitems"}
MOST_READ_OCTETS = 1024 * 1024  # of a listed message, for its body and preview
_PREFIX, _SUFFIX = "AAMkAD", "AAA="
_CHANGEABLE = frozenset(
    (
        "subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender", "importance",
        "internetMessageId", "isRead", "categories",
    )
)  # fmt: skip
_CREATABLE = _CHANGEABLE | {"internetMessageHeaders"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in. is_heard is False where the client will not hear the answer."""

    request: Request
    claims: Claims
    state: MailboxState
    body: bytes
    is_heard: bool = True

    @property
    def address(self) -> str:
        """The primary address of the mailbox."""
        return self.state.settings.address

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises GraphError."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise GraphError("bad-json", str(error)) from error
        if not isinstance(found, dict):
            raise GraphError("bad-json", "An object is expected.")
        return found

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def how(self, *, saves_copy: bool = True) -> How:
        """The circumstances of a sending."""
        peer = self.request.client.host if self.request.client else ""
        return How(saves_copy, self.is_heard, peer)

    @property
    def is_mime(self) -> bool:
        """Whether the body is MIME in base64."""
        return self.request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/plain"


class Messages:
    """The handlers."""

    def __init__(self, parts: Parts, drafts: Drafts) -> None:
        self._parts, self._drafts = parts, drafts
        self._sending = Sending(parts.directory, parts.office, parts.clock)
        self._read: set[str] = set()

    # -- sending ------------------------------------------------------------------------------------------------------

    def send_mail(self, call: Call) -> Response:
        """POST sendMail: JSON or MIME, 202."""
        if call.is_mime:
            octets = mime.decoded(call.body)
            border = self._parts.directory.graph.lost_above_octets
            if border and len(octets) > border:
                return Response(status_code=200)
            self._sending.send(call.state, call.claims, iter([octets]), call.how())
            return Response(status_code=202)
        asked = call.json()
        message = asked.get("message")
        if not isinstance(message, Mapping):
            raise GraphError("bad-json", "The parameter 'message' is missing.")
        saves_copy = str(asked.get("saveToSentItems", True)).lower() != "false"
        draft = self._draft_of(call, message)
        try:
            self._sending.send(call.state, call.claims, draft.blocks(), call.how(saves_copy=saves_copy))
        finally:
            self._drafts.remove(draft)
        return Response(status_code=202)

    def send(self, call: Call) -> Response:
        """POST messages/{id}/send: 202, and the draft is gone."""
        draft = self._draft(call)
        self._sending.send(call.state, call.claims, draft.blocks(), call.how())
        self._drafts.remove(draft)
        return Response(status_code=202)

    # -- drafts -------------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Response:
        """POST messages: a draft of JSON or of MIME."""
        if not call.is_mime:
            return self._created(call, self._draft_of(call, call.json()))
        octets = mime.decoded(call.body)
        fields = mime.resource_of(octets)
        fields["internetMessageId"] = fields["internetMessageId"] or self._sending.new_message_id()
        return self._created(call, self._drafts.add(call.address, fields, octets))

    def change(self, call: Call) -> Response:
        """PATCH messages/{id}: properties of a draft; of another message only whether it was read."""
        changes = {key: value for key, value in call.json().items() if key in _CHANGEABLE}
        draft = self._drafts.find(call.address, call.part("message"))
        if draft is None:
            item = self._item(call)
            (self._read.add if changes.get("isRead") else self._read.discard)(item.id)
            return JSONResponse(self._resource(item))
        draft.fields |= changes
        if draft.octets and set(changes) - {"isRead", "categories"}:
            draft.octets = b""  # Exchange writes a changed message anew
        return JSONResponse(draft.view())

    def copy(self, call: Call) -> Response:
        """POST messages/{id}/copy: of a draft, into the drafts; the only copies that the emulator makes."""
        if str(call.json().get("destinationId", "")).lower() != "drafts":
            raise GraphError("no-item")
        return self._created(call, self._drafts.copy(self._draft(call)))

    def delete(self, call: Call) -> Response:
        """DELETE messages/{id}."""
        draft = self._drafts.find(call.address, call.part("message"))
        if draft is not None:
            self._drafts.remove(draft)
        elif not self._parts.office.postbox.remove(call.address, _item_id(call.part("message"))):
            raise GraphError("no-item")
        return Response(status_code=204)

    # -- attachments --------------------------------------------------------------------------------------------------

    def attach(self, call: Call) -> Response:
        """POST messages/{id}/attachments: a fileAttachment with contentBytes."""
        attachment = _attach(self._drafts, self._draft(call), call.json())
        return JSONResponse(attachment, 201)

    def attachments(self, call: Call) -> Response:
        """GET messages/{id}/attachments."""
        return JSONResponse({"value": [one.view() for one in self._draft(call).attachments]})

    def open_session(self, call: Call) -> Response:
        """POST messages/{id}/attachments/createUploadSession."""
        item = call.json().get("AttachmentItem")
        if not isinstance(item, dict):
            raise GraphError("bad-json", "The parameter 'AttachmentItem' is missing.")
        draft = self._draft(call)
        session = self._drafts.open(draft, item, self._parts.directory.graph.session_s)
        where = f"{self._parts.addresses.upload}/api/gv1.0/users('{call.address}')/messages('{draft.id}')"
        return JSONResponse(
            {
                "@odata.context": f"{self._parts.addresses.graph}/v1.0/$metadata#microsoft.graph.uploadSession",
                "uploadUrl": f"{where}/AttachmentSessions('{session.id}')?authtoken={session.token}",
                "expirationDateTime": instant(session.until),
                "nextExpectedRanges": ["0-"],
            },
            201,
        )

    # -- reading ------------------------------------------------------------------------------------------------------

    def listing(self, call: Call) -> Response:
        """GET messages, or mailFolders/{folder}/messages."""
        options = dict(call.request.query_params)
        query = odata.read(options, top=10, most=1000)
        odata.check_order(query)
        items = {self._shown_id(one): one for one in self._items(call)}
        rows, has_more = query.page([self._row(one) for one in items.values()])
        value = [self._whole(items[row["id"]], query) for row in rows]
        answer: dict[str, Any] = {"value": value}
        if has_more:
            further = options | {"$skip": str(query.skip + query.top)}
            answer["@odata.nextLink"] = str(call.request.url.replace_query_params(**further))
        return JSONResponse(answer)

    def get(self, call: Call) -> Response:
        """GET messages/{id}."""
        query = odata.read(dict(call.request.query_params), top=1, most=1)
        draft = self._drafts.find(call.address, call.part("message"))
        found = draft.view() if draft is not None else self._resource(self._item(call))
        if "internetMessageHeaders" in query.select and draft is None:
            found["internetMessageHeaders"] = mime.headers_of(self._octets(self._item(call)))
        return JSONResponse(query.reduce(found))

    def value(self, call: Call) -> Response:
        """GET messages/{id}/$value: the MIME."""
        draft = self._drafts.find(call.address, call.part("message"))
        octets = b"".join(draft.blocks()) if draft is not None else self._octets(self._item(call))
        return Response(octets, media_type="text/plain")

    # -- inside -------------------------------------------------------------------------------------------------------

    def _draft_of(self, call: Call, message: Mapping[str, Any]) -> Draft:
        fields = {key: value for key, value in message.items() if key in _CREATABLE}
        fields.setdefault("internetMessageId", self._sending.new_message_id())
        fields.setdefault("from", {"emailAddress": {"name": "", "address": call.address}})
        draft = self._drafts.add(call.address, fields)
        try:
            next(draft.blocks())
            for one in message.get("attachments") or []:
                _attach(self._drafts, draft, one)
        except GraphError:
            self._drafts.remove(draft)
            raise
        return draft

    def _draft(self, call: Call) -> Draft:
        found = self._drafts.find(call.address, call.part("message"))
        if found is None:
            raise GraphError("no-item")
        return found

    def _created(self, call: Call, draft: Draft) -> Response:
        context = f"{self._parts.addresses.graph}/v1.0/$metadata#users('{call.address}')/messages/$entity"
        return JSONResponse({"@odata.context": context, **draft.view()}, 201)

    def _items(self, call: Call) -> list[Item | Draft]:
        folder = call.request.path_params.get("folder", "").lower()
        if folder and folder not in (*FOLDERS, "drafts"):
            raise GraphError("no-item")
        found: list[Item | Draft] = []
        for name in (folder,) if folder else (*FOLDERS, "drafts"):
            if name == "drafts":
                found += self._drafts.of(call.address)
            else:
                found += self._parts.office.postbox.items(
                    call.address, FOLDERS[name], self._parts.clock.now()
                )
        return sorted(found, key=lambda one: one.at, reverse=True)

    def _item(self, call: Call) -> Item:
        found = self._parts.office.postbox.item(call.address, _item_id(call.part("message")))
        if found is None or found.at > self._parts.clock.now():
            raise GraphError("no-item")
        return found

    def _shown_id(self, one: Item | Draft) -> str:
        return one.id if isinstance(one, Draft) else f"{_PREFIX}{one.id}{_SUFFIX}"

    def _row(self, one: Item | Draft) -> dict[str, Any]:
        """What is known of a message without reading its content."""
        if isinstance(one, Draft):
            return one.view()
        author = _person(one.sender)
        return {
            "id": self._shown_id(one), "subject": one.subject, "from": author, "sender": author, "isDraft": False,
            "internetMessageId": one.message_id, "receivedDateTime": instant(one.at), "sentDateTime": instant(one.at),
            "createdDateTime": instant(one.at), "lastModifiedDateTime": instant(one.at),
            "isRead": one.folder == "sentitems" or one.id in self._read, "parentFolderId": one.folder,
            "toRecipients": [_person(address) for address in one.recipients],
        }  # fmt: skip

    def _resource(self, one: Item) -> dict[str, Any]:
        row = self._row(one)
        return {**mime.resource_of(self._octets(one, MOST_READ_OCTETS)), **row}

    def _whole(self, one: Item | Draft, query: odata.Query) -> dict[str, Any]:
        row = self._row(one)
        is_enough = query.select and set(query.select) <= set(row)
        return query.reduce(row if is_enough or isinstance(one, Draft) else self._resource(one))

    def _octets(self, one: Item, most: int = -1) -> bytes:
        if one.content:
            return one.content
        try:
            content = self._parts.record.content(one.number)
        except KeyError as error:
            raise GraphError("no-item") from error
        if isinstance(content, Path):
            with content.open("rb") as file:
                return file.read(most)
        return content


def _attach(drafts: Drafts, draft: Draft, fields: Any) -> dict[str, Any]:
    if not isinstance(fields, Mapping) or not fields.get("name"):
        raise GraphError("bad-json", "An attachment needs a name.")
    if fields.get("@odata.type", "#microsoft.graph.fileAttachment") != "#microsoft.graph.fileAttachment":
        raise GraphError("bad-json", "Only fileAttachment is known.")
    try:
        octets = base64.b64decode(str(fields.get("contentBytes") or ""), validate=True)
    except ValueError as error:
        raise GraphError("bad-json", "contentBytes is no base64.") from error
    kept = {key: fields[key] for key in ("name", "contentType", "isInline", "contentId") if key in fields}
    return drafts.attach(draft, kept, octets).view()


def _item_id(shown: str) -> str:
    return shown.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def _person(address: str) -> dict[str, Any]:
    return {"emailAddress": {"name": address, "address": address}}
