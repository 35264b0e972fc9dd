"""A mailbox behind the ASGI interface, where the interoperability tests do not go."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from relay365.emulator.house.parts import Parts

ME = "/users/scan@contoso.com"
TO = [{"emailAddress": {"address": "a@x.example"}}]
MIME = b"From: scan@contoso.com\r\nTo: erp@contoso.com\r\nSubject: Scan\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n"


def test_reading_marks_and_deletes(desk: Any) -> None:
    """A received message is listed unread, can be marked, read in whole, and deleted."""
    desk.parts.directory.change_tenant({"delivery_s": 0})
    desk.ask("POST", f"{ME}/sendMail", MIME)
    inbox = "/users/erp@contoso.com/mailFolders/Inbox/messages"

    (item,) = desk.ask("GET", inbox)[1]["value"]
    one = f"/users/erp@contoso.com/messages/{item['id']}"

    assert (False, "Scan", "hello") == (item["isRead"], item["subject"], item["bodyPreview"].strip())
    assert desk.ask("PATCH", one, {"isRead": True})[1]["isRead"]
    assert [] == desk.ask("GET", f"{inbox}?$filter=isRead+eq+false")[1]["value"]
    assert {"id", "internetMessageHeaders"} == set(
        desk.ask("GET", f"{one}?$select=internetMessageHeaders")[1]
    )
    assert MIME == desk.ask("GET", f"{one}/$value")[1]
    assert [204, 404, 404] == [desk.ask(method, one)[0] for method in ("DELETE", "DELETE", "GET")]


def test_pages_of_a_folder(desk: Any) -> None:
    """A long list comes by pages that follow their link, newest first, without loss."""
    for n in range(3):
        desk.ask("POST", f"{ME}/messages", {"subject": f"draft {n}", "toRecipients": TO})
    path, seen = f"{ME}/mailFolders/drafts/messages?$top=2&$select=subject", []
    while path:
        page = desk.ask("GET", path)[1]
        seen.append([one["subject"] for one in page["value"]])
        path = page.get("@odata.nextLink", "").partition("/v1.0")[2]

    assert [2, 1] == [len(page) for page in seen]
    assert {"draft 0", "draft 1", "draft 2"} == {one for page in seen for one in page}
    assert 404 == desk.ask("GET", f"{ME}/mailFolders/nosuch/messages")[0]


def test_a_message_that_is_not_there_yet(desk_of: Callable[..., Any], clock: Any) -> None:
    """A message appears when it is delivered, not when it was accepted."""
    desk = desk_of(tenant={"delivery_s": 30.0})
    desk.ask("POST", f"{ME}/sendMail", MIME)
    inbox = "/users/erp@contoso.com/mailFolders/inbox/messages"

    (item,) = desk.parts.office.postbox.items("erp@contoso.com", "inbox", clock.now() + 30.0)
    one = f"/users/erp@contoso.com/messages/AAMkAD{item.id}AAA="

    before = desk.ask("GET", inbox)[1]["value"], desk.ask("GET", one)[0]
    clock.pass_s(30.0)
    after = len(desk.ask("GET", inbox)[1]["value"]), desk.ask("GET", one)[0]

    assert (([], 404), (1, 200)) == (before, after)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/sendMail", {"saveToSentItems": True}, "BadRequest"),
        ("/sendMail", {"message": {"toRecipients": ["a@x"]}}, "BadRequest"),
        ("/sendMail", {"message": {"subject": "nobody"}}, "ErrorInvalidRecipients"),
        ("/sendMail", {"message": {"toRecipients": TO, "attachments": [{"name": ""}]}}, "BadRequest"),
        (
            "/sendMail",
            {"message": {"toRecipients": TO, "attachments": [{"name": "a", "contentBytes": "%"}]}},
            "BadRequest",
        ),
        (
            "/messages",
            {"internetMessageHeaders": [{"name": "From", "value": "x"}]},
            "InvalidInternetMessageHeader",
        ),
        ("/messages", [1], "BadRequest"),
    ],
)
def test_what_json_is_refused(desk: Any, path: str, body: Any, code: str) -> None:
    """What the JSON lacks is refused with 400, and leaves no draft behind."""
    status, answer, _ = desk.ask("POST", f"{ME}{path}", body)

    assert (400, code) == (status, answer["error"]["code"])
    assert [] == desk.drafts.of("scan@contoso.com")


def test_json_without_end(desk: Any) -> None:
    """JSON that is nested deeper than can be read is refused, too."""
    deep = "[" * 200_000
    status, answer, _ = desk.ask(
        "POST", f"{ME}/messages", headers={"content-type": "application/json"}, raw=deep.encode()
    )

    assert (400, "BadRequest") == (status, answer["error"]["code"])


def test_mime_that_is_lost(desk_of: Callable[..., Any]) -> None:
    """Above the border that was reported MIME is answered 200 and never sent; below it is sent."""
    desk = desk_of(graph={"lost_above_octets": len(MIME)})

    assert [200, 202] == [desk.ask("POST", f"{ME}/sendMail", octets)[0] for octets in (MIME + b"x", MIME)]
    assert 1 == len(desk.parts.record.messages())


def test_me_is_the_user(desk: Any, parts_of: Callable[..., Parts]) -> None:
    """/me is the mailbox of a delegated token."""
    from relay365.emulator.entra.grants import Consent

    code = desk.parts.tokens.grants.code(Consent("erp@contoso.com", "Mail.Send"), "http://localhost", "", "")
    form = {
        "grant_type": "authorization_code", "client_id": desk.parts.directory.identity.client_id, "code": code,
        "redirect_uri": "http://localhost",
    }  # fmt: skip
    desk.token = desk.parts.tokens.grant("contoso.com", form).token

    assert 202 == desk.ask("POST", "/me/sendMail", {"message": {"toRecipients": TO}})[0]
    assert "erp@contoso.com" == desk.parts.record.messages()[0].reverse_path


def test_a_small_attachment_joins_a_draft(desk: Any) -> None:
    """An attachment is added, listed without its content, and sent."""
    draft = desk.ask("POST", f"{ME}/messages", {"toRecipients": TO})[1]["id"]
    body = {"name": "a.txt", "contentBytes": base64.b64encode(b"12").decode()}

    assert 201 == desk.ask("POST", f"{ME}/messages/{draft}/attachments", body)[0]
    (listed,) = desk.ask("GET", f"{ME}/messages/{draft}/attachments")[1]["value"]
    assert ("a.txt", 2, False) == (listed["name"], listed["size"], "contentBytes" in listed)
    assert 400 == desk.ask("POST", f"{ME}/messages/{draft}/attachments/createUploadSession", {"x": 1})[0]
    assert 404 == desk.ask("POST", f"{ME}/messages/none/attachments", body)[0]
    assert 202 == desk.ask("POST", f"{ME}/messages/{draft}/send")[0]
    assert b"MTI=" in desk.parts.record.content(1)


def test_a_draft_is_copied_and_both_are_sent(desk: Any) -> None:
    """201 with a draft of its own id; another folder than the drafts is none that copies go to."""
    made = desk.ask("POST", f"{ME}/messages", {"subject": "twice", "toRecipients": TO})[1]
    one = f"{ME}/messages/{made['id']}"
    status, copy, *_ = desk.ask("POST", f"{one}/copy", {"destinationId": "drafts"})

    assert (201, True, "twice") == (status, copy["isDraft"], copy["subject"])
    assert made["id"] != copy["id"]
    assert 404 == desk.ask("POST", f"{one}/copy", {"destinationId": "inbox"})[0]
    assert [202, 202] == [desk.ask("POST", f"{ME}/messages/{i}/send")[0] for i in (made["id"], copy["id"])]
    assert 2 == len(desk.parts.record.messages())
