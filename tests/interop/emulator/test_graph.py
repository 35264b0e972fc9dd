"""Microsoft Graph over real HTTPS, asked by clients that know nothing of us: requests, curl, and raw sockets."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import requests

from interop.emulator.conftest import DEADLINE_S, Emulator
from relay365.emulator.scenario import Tenant

SOURCES = Path(__file__).parent / "sources"
SCOPE = "https://graph.microsoft.com/.default"
MIME = (
    b"From: scan@contoso.com\r\nTo: lena@fabrikam.example\r\nBcc: secret@fabrikam.example, erp@contoso.com\r\n"
    b"Subject: Scan\r\nMessage-ID: <one@printer>\r\n\r\nhello\r\n"
)


class Graph:
    """A bare client of one emulator with an application's token."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env, self.session.verify = False, emulator.facts["ca_file"]
        self.token = emulator.token(scope=SCOPE)

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request below /v1.0, or to a whole address."""
        where = path if path.startswith("https:") else f"{self.emulator.facts['graph']}/v1.0{path}"
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.session.request(method, where, headers=headers, timeout=DEADLINE_S, **more)

    def send_mime(self, octets: bytes, user: str = "scan@contoso.com") -> requests.Response:
        body = base64.b64encode(octets)
        return self.ask("POST", f"/users/{user}/sendMail", data=body, headers={"Content-Type": "text/plain"})

    def message(self, **more: Any) -> dict[str, Any]:
        return {
            "subject": "Scan", "body": {"contentType": "Text", "content": "hello"},
            "toRecipients": [{"emailAddress": {"address": "lena@fabrikam.example"}}], **more,
        }  # fmt: skip


@pytest.fixture
def graph(emulator: Emulator) -> Iterator[Graph]:
    before = emulator.call("GET", "/graph")[1], emulator.call("GET", "/application")[1]
    client = Graph(emulator)
    emulator.call("DELETE", "/traces")
    emulator.call("PATCH", "/tenant", {"delivery_s": 0})
    yield client
    client.session.close()
    emulator.call("PATCH", "/tenant", {"delivery_s": Tenant().delivery_s})
    emulator.call("PATCH", "/graph", before[0])
    emulator.call("PATCH", "/application", before[1])


def _refused(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_mime_goes_to_all_that_its_headers_name(graph: Graph) -> None:
    """sendMail with MIME: 202 with nothing; the recipients are those of To, Cc and Bcc; Bcc itself is gone; a copy."""
    answer = graph.send_mime(MIME)

    assert (202, b"") == (answer.status_code, answer.content)
    (message,) = graph.emulator.messages()
    assert ("graph", "scan@contoso.com", ["lena@fabrikam.example", "secret@fabrikam.example", "erp@contoso.com"]) == (
        message["service"], message["reverse_path"], message["recipients"],
    )  # fmt: skip
    content = graph.emulator.call("GET", f"/messages/{message['number']}/content")[1]
    bcc_at = MIME.index(b"Bcc:")
    assert content == MIME[:bcc_at] + MIME[MIME.index(b"Subject:") :]
    (copy,) = graph.ask("GET", "/users/scan@contoso.com/mailFolders/sentitems/messages").json()["value"]
    assert "<one@printer>" == copy["internetMessageId"]


def test_json_becomes_a_message(graph: Graph) -> None:
    """sendMail with JSON writes a message with its attachment and its own header, and keeps no copy when asked so."""
    attachment = {
        "@odata.type": "#microsoft.graph.fileAttachment", "name": "scan.pdf", "contentType": "application/pdf",
        "contentBytes": base64.b64encode(b"%PDF").decode(),
    }  # fmt: skip
    own = [{"name": "x-device", "value": "printer 3"}]
    body = {
        "message": graph.message(attachments=[attachment], internetMessageHeaders=own),
        "saveToSentItems": "false",
    }

    assert 202 == graph.ask("POST", "/users/scan@contoso.com/sendMail", json=body).status_code
    (one,) = graph.emulator.messages()
    found = message_from_bytes(
        graph.emulator.call("GET", f"/messages/{one['number']}/content")[1], policy=policy.default
    )
    (part,) = found.iter_attachments()
    assert ("Scan", "printer 3", "scan.pdf", b"%PDF") == (
        found["subject"], found["x-device"], part.get_filename(), part.get_content(),
    )  # fmt: skip
    assert [] == graph.ask("GET", "/users/scan@contoso.com/mailFolders/sentitems/messages").json()["value"]


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"%%%", {"Content-Type": "text/plain"}, (400, "ErrorMimeContentInvalidBase64String")),
        (b"{", {"Content-Type": "application/json"}, (400, "BadRequest")),
        (base64.b64encode(b"Subject: x\r\n\r\nx"), {"Content-Type": "text/plain"}, (400, "ErrorInvalidRecipients")),
        (
            base64.b64encode(b"From: boss@contoso.com\r\nTo: a@b.example\r\n\r\nx"), {"Content-Type": "text/plain"},
            (403, "ErrorSendAsDenied"),
        ),
        (b"", {"Authorization": "Bearer no.token.here"}, (401, "InvalidAuthenticationToken")),
        (b"", {"Authorization": ""}, (401, "InvalidAuthenticationToken")),
    ],
)  # fmt: skip
def test_what_send_mail_refuses(
    graph: Graph, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Each fault has its status and code in Graph's body, with the ids that Microsoft's support asks for."""
    answer = graph.ask("POST", "/users/scan@contoso.com/sendMail", data=body, headers=headers)

    assert expected == _refused(answer)
    assert {"date", "request-id", "client-request-id"} == set(answer.json()["error"]["innerError"])
    assert answer.headers["request-id"] == answer.json()["error"]["innerError"]["request-id"]
    assert [] == graph.emulator.messages()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("413", (413, "RequestEntityTooLarge")),
        ("400", (400, "BadRequest")),
        ("size", (413, "ErrorMessageSizeExceeded")),
    ],
)
def test_four_megabytes(graph: Graph, form: str, expected: tuple[int, str]) -> None:
    """A request above 4 MB is refused in each of the forms that were seen, after it was read to its end."""
    graph.emulator.call("PATCH", "/graph", {"too_large": form})

    assert expected == _refused(graph.send_mime(MIME + b"x" * 3_200_000))


def test_a_token_for_smtp_is_no_token_for_graph(graph: Graph) -> None:
    """The audience is checked, and the permission, and where Exchange RBAC gives it, the scope."""
    right = graph.token
    graph.token = graph.emulator.token()
    assert (401, "InvalidAuthenticationToken") == _refused(graph.send_mime(MIME))
    scoped = {
        "graph_roles": ["Mail.ReadWrite"],
        "graph_rbac": ["Mail.Send"],
        "graph_scope": ["scan@contoso.com"],
    }
    graph.emulator.call("PATCH", "/application", scoped)
    graph.token = graph.emulator.token(scope=SCOPE)

    assert [202, 403] == [
        graph.send_mime(MIME, user).status_code for user in ("scan@contoso.com", "alerts@contoso.com")
    ]
    graph.token = right
    assert 202 == graph.send_mime(b"To: a@b.example\r\n\r\nx", "alerts@contoso.com").status_code


def test_a_mailbox_that_rest_does_not_reach(graph: Graph) -> None:
    """A switched-off mailbox is MailboxNotEnabledForRESTAPI, an unknown one ErrorInvalidUser: both 404."""
    graph.emulator.call("PATCH", "/mailboxes/erp@contoso.com", {"rest": False})
    off = graph.send_mime(MIME, "erp@contoso.com")
    graph.emulator.call("PATCH", "/mailboxes/erp@contoso.com", {"rest": True})

    assert [(404, "MailboxNotEnabledForRESTAPI"), (404, "ErrorInvalidUser")] == [
        _refused(one) for one in (off, graph.send_mime(MIME, "nobody@contoso.com"))
    ]


def test_the_fifth_request_at_once(graph: Graph) -> None:
    """Of five requests at once one gets 429 MailboxConcurrency with Retry-After, and the others their 202."""
    graph.emulator.mood("graph-slow", seconds=1.0, count=4)
    answers: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(graph.send_mime(MIME))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)

    assert [202, 202, 202, 202, 429] == sorted(one.status_code for one in answers)
    (refused,) = (one for one in answers if 429 == one.status_code)
    assert ("ApplicationThrottled", "10") == (refused.json()["error"]["code"], refused.headers["retry-after"])
    assert "MailboxConcurrency" in refused.json()["error"]["message"]


def test_a_large_attachment_by_an_upload_session(graph: Graph) -> None:
    """Draft, session on another host without Authorization, ranges in order, send: the octets arrive as they were."""
    octets = bytes(range(256)) * 20_000
    draft = graph.ask("POST", "/users/scan@contoso.com/messages", json=graph.message()).json()
    item = {"AttachmentItem": {"attachmentType": "file", "name": "big.bin", "size": len(octets)}}
    path = f"/users/scan@contoso.com/messages/{draft['id']}"
    opened = graph.ask("POST", f"{path}/attachments/createUploadSession", json=item)
    where = opened.json()["uploadUrl"]

    def put(begins: int, ends: int, **headers: str) -> requests.Response:
        spoken = {"Content-Range": f"bytes {begins}-{ends - 1}/{len(octets)}", **headers}
        return graph.session.put(where, octets[begins:ends], headers=spoken, timeout=DEADLINE_S)

    assert (201, ["0-"]) == (opened.status_code, opened.json()["nextExpectedRanges"])
    assert not where.startswith(graph.emulator.facts["graph"])
    assert (401, "InvalidAuthenticationToken") == _refused(
        put(0, 3_000_000, Authorization=f"Bearer {graph.token}")
    )
    assert (416, "InvalidContentRange") == _refused(put(1_000_000, 3_000_000))
    first = put(0, 3_000_000)
    assert (200, ["3000000"]) == (first.status_code, first.json()["nextExpectedRanges"])
    assert ["3000000-"] == graph.session.get(where, timeout=DEADLINE_S).json()["nextExpectedRanges"]
    last = put(3_000_000, len(octets))
    assert (201, b"") == (last.status_code, last.content)
    assert "Attachments('" in last.headers["location"]
    assert 404 == graph.session.get(where, timeout=DEADLINE_S).status_code
    assert 202 == graph.ask("POST", f"{path}/send").status_code
    assert 404 == graph.ask("GET", path).status_code
    (one,) = graph.emulator.messages()
    found = message_from_bytes(
        graph.emulator.call("GET", f"/messages/{one['number']}/content")[1], policy=policy.default
    )
    assert [octets] == [part.get_content() for part in found.iter_attachments()]


def test_an_upload_session_ends_by_itself(graph: Graph) -> None:
    """A session that is over, one that was given up, and one that is too small for a session are refused."""
    draft = graph.ask("POST", "/users/scan@contoso.com/messages", json=graph.message()).json()
    path = f"/users/scan@contoso.com/messages/{draft['id']}/attachments/createUploadSession"
    item = {"attachmentType": "file", "name": "a", "size": 4_000_000}
    given_up = graph.ask("POST", path, json={"AttachmentItem": item}).json()["uploadUrl"]
    deleted = graph.session.delete(given_up, timeout=DEADLINE_S)
    graph.emulator.call("PATCH", "/graph", {"session_s": 0.001})
    over = graph.ask("POST", path, json={"AttachmentItem": item}).json()["uploadUrl"]

    assert [204, 404, 404] == [
        deleted.status_code, *(graph.session.get(one, timeout=DEADLINE_S).status_code for one in (given_up, over)),
    ]  # fmt: skip
    assert 400 == graph.ask("POST", path, json={"AttachmentItem": {**item, "size": 3_000_000}}).status_code


def test_a_draft_of_mime_is_sent_as_it_was(graph: Graph) -> None:
    """A MIME draft shows its properties, gives its MIME back, can get a Bcc, and can be deleted."""
    body, headers = base64.b64encode(MIME), {"Content-Type": "text/plain"}
    created = graph.ask("POST", "/users/scan@contoso.com/messages", data=body, headers=headers)
    path = f"/users/scan@contoso.com/messages/{created.json()['id']}"

    assert (201, True, "<one@printer>") == (
        created.status_code, created.json()["isDraft"], created.json()["internetMessageId"],
    )  # fmt: skip
    assert MIME == graph.ask("GET", f"{path}/$value").content
    people = [{"emailAddress": {"address": "other@fabrikam.example"}}]
    assert 200 == graph.ask("PATCH", path, json={"bccRecipients": people}).status_code
    assert 202 == graph.ask("POST", f"{path}/send").status_code
    assert ["lena@fabrikam.example", "other@fabrikam.example"] == graph.emulator.messages()[0]["recipients"]
    second = graph.ask("POST", "/users/scan@contoso.com/messages", data=body, headers=headers).json()
    assert 204 == graph.ask("DELETE", f"/users/scan@contoso.com/messages/{second['id']}").status_code


def test_a_report_is_found_in_the_inbox(graph: Graph) -> None:
    """What fails later is reported into the inbox, where filter, order and $value find it; the trace says failed."""
    graph.emulator.mood("ndr", text="550 5.1.10 RESOLVER.ADR.RecipientNotFound", count=1)
    graph.send_mime(b"To: gone@fabrikam.example\r\nMessage-ID: <two@printer>\r\nSubject: Scan\r\n\r\nx")
    inbox = "/users/scan@contoso.com/mailFolders/inbox/messages"
    options = {
        "$filter": "receivedDateTime ge 2020-01-01T00:00:00Z and startswith(subject,'Undeliverable')",
        "$orderby": "receivedDateTime desc", "$top": "5", "$select": "subject,from",
    }  # fmt: skip

    (report,) = graph.ask("GET", inbox, params=options).json()["value"]

    assert {"id", "subject", "from"} == set(report)
    octets = graph.ask("GET", f"/users/scan@contoso.com/messages/{report['id']}/$value").content
    assert "multipart/report" == message_from_bytes(octets).get_content_type()
    bad = {**options, "$orderby": "subject"}
    assert (400, "InefficientFilter") == _refused(graph.ask("GET", inbox, params=bad))
    trace = graph.ask("GET", "/admin/exchange/tracing/messageTraces").json()["value"]
    assert [("<two@printer>", "failed")] == [(one["messageId"], one["status"]) for one in trace]


def test_message_trace_by_pages(graph: Graph) -> None:
    """Pages follow their link without loss; spans are checked; the rate and the missing service principal refuse."""
    for n in range(5):
        graph.send_mime(b"To: a%d@fabrikam.example\r\nMessage-ID: <%d@printer>\r\n\r\nx" % (n, n))
    path, seen = "/admin/exchange/tracing/messageTraces?$top=2", []
    while path:
        page = graph.ask("GET", path).json()
        seen.append([one["messageId"] for one in page["value"]])
        path = page.get("@odata.nextLink", "")
    assert [["<4@printer>", "<3@printer>"], ["<2@printer>", "<1@printer>"], ["<0@printer>"]] == seen
    where = "/admin/exchange/tracing/messageTraces"
    spans = {
        "receivedDateTime ge 2026-01-01T00:00:00Z and receivedDateTime le 2026-01-12T00:00:00Z": "10 days",
        "receivedDateTime ge 2020-01-01T00:00:00Z and receivedDateTime le 2020-01-02T00:00:00Z": "90 days",
        "receivedDateTime ge 2026-01-01T00:00:00Z": "Both",
    }
    for filtered, words in spans.items():
        assert words in graph.ask("GET", where, params={"$filter": filtered}).json()["error"]["message"]
    (one,) = graph.ask("GET", where, params={"$filter": "messageId eq '<3@printer>'"}).json()["value"]
    details = graph.ask(
        "GET", f"{where}/{one['id']}/getDetailsByRecipient(recipientAddress='{one['recipientAddress']}')"
    )
    assert ["Receive", "Deliver"] == [event["event"] for event in details.json()["value"]]
    graph.emulator.call("PATCH", "/graph", {"trace_requests_per_5_min": 1})
    assert 429 == graph.ask("GET", where).status_code
    graph.emulator.call("PATCH", "/graph", {"trace_principal": False})
    refused = graph.ask("GET", where)
    assert 401 == refused.status_code
    assert "Service principal-less Authentication failed" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("changes", "host"),
    [
        ({"mx_form": "protection"}, "contoso-com.mail.protection.outlook.com"),
        ({"mx_form": "mx.microsoft"}, "contoso-com.x-v1.mx.microsoft"),
        ({"mx_host": "localhost"}, "localhost"),
    ],
)
def test_the_mx_host_of_a_domain(graph: Graph, changes: dict[str, str], host: str) -> None:
    """serviceConfigurationRecords names the MX host in either form, or as the scenario says."""
    graph.emulator.call("PATCH", "/graph", changes)

    records = graph.ask("GET", "/domains/contoso.com/serviceConfigurationRecords").json()["value"]

    assert [host] == [one["mailExchange"] for one in records if "Mx" == one["recordType"]]
    assert 404 == graph.ask("GET", "/domains/fabrikam.example/serviceConfigurationRecords").status_code


def test_app_roles_by_name(graph: Graph) -> None:
    """The service principal of Exchange Online tells the id of SMTP.SendAsApp, and only what was selected."""
    path = "/servicePrincipals(appId='00000002-0000-0ff1-ce00-000000000000')"
    found = graph.ask("GET", path, params={"$select": "id,appRoles"}).json()

    assert {"id", "appRoles"} == set(found)
    assert 1 == len([one for one in found["appRoles"] if "SMTP.SendAsApp" == one["value"]])


@pytest.mark.parametrize(
    ("mood", "status", "retry_after"),
    [
        ({"status": 429, "retry_after": "seconds", "seconds": 7}, 429, "7"),
        ({"status": 503, "retry_after": "day"}, 503, "86400"),
        ({"status": 429, "retry_after": "negative"}, 429, "-1"),
        ({"status": 504, "retry_after": "none"}, 504, None),
        ({"status": 401, "retry_after": "none", "at": "sendMail"}, 401, None),
    ],
)
def test_an_outage(graph: Graph, mood: dict[str, Any], status: int, retry_after: str | None) -> None:
    """An outage has its status and its Retry-After, sends nothing, and ends after its count."""
    graph.emulator.mood("graph-outage", count=1, **mood)

    answers = [graph.send_mime(MIME), graph.send_mime(MIME)]

    assert [(status, retry_after), (202, None)] == [
        (one.status_code, one.headers.get("retry-after")) for one in answers
    ]
    assert 1 == len(graph.emulator.messages())


def test_a_date_in_retry_after(graph: Graph) -> None:
    """Retry-After can be an HTTP date."""
    graph.emulator.mood("graph-outage", status=429, retry_after="date", count=1)

    assert graph.send_mime(MIME).headers["retry-after"].endswith(" GMT")


@pytest.mark.parametrize(
    ("how", "seen", "n_sent"),
    [
        ("lost", "reset", 1), ("reset", "reset", 0), ("html", "text/html; charset=utf-8", 0), ("ignored", "200", 0),
        ("dropped", "202", 0),
    ],
)  # fmt: skip
def test_bad_manners(graph: Graph, how: str, seen: str, n_sent: int) -> None:
    """A lost 202 was sent all the same; the other ways did nothing, whatever they look like."""
    graph.emulator.mood("graph-answer", how=how, count=1)
    try:
        answer = graph.send_mime(MIME)
        found = [str(answer.status_code), answer.headers.get("content-type", "")]
    except requests.ConnectionError:
        found = ["reset"]

    assert seen in found
    assert n_sent == len(graph.emulator.messages())


def test_json_that_breaks_off(graph: Graph) -> None:
    """A truncated answer promises more than it has; the draft was made all the same."""
    graph.emulator.mood("graph-answer", how="truncated", at="draft", count=1)

    with pytest.raises(requests.RequestException):
        graph.ask("POST", "/users/scan@contoso.com/messages", json=graph.message(subject="broken off"))
    drafts = graph.ask(
        "GET", "/users/scan@contoso.com/mailFolders/drafts/messages", params={"$top": "50"}
    ).json()
    assert 1 == len([one for one in drafts["value"] if "broken off" == one["subject"]])


def test_smtp_and_graph_share_the_minute(graph: Graph, wire: Any) -> None:
    """A mailbox's minute is used up by Graph and then closed to SMTP as well."""
    graph.emulator.call("PATCH", "/mailboxes/scan@contoso.com", {"limits": {"per_minute": 1}})
    try:
        assert [202, 429] == [graph.send_mime(MIME).status_code for _ in range(2)]
        link = wire()
        link.sign_in(graph.emulator)
        for line in ("MAIL FROM:<scan@contoso.com>", "RCPT TO:<a@b.example>", "DATA"):
            link.say(line)
        assert link.say("From: scan@contoso.com\r\n\r\nx\r\n.").startswith("432 4.3.2 STOREDRV")
    finally:
        graph.emulator.call("PATCH", "/mailboxes/scan@contoso.com", {"limits": {"per_minute": 30}})


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_sends(graph: Graph, tmp_path: Any) -> None:
    """curl sends MIME with one command and counts 202 as success."""
    file = tmp_path / "mail.b64"
    file.write_bytes(base64.encodebytes(MIME))
    where = f"{graph.emulator.facts['graph']}/v1.0/users/scan@contoso.com/sendMail"
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--cacert", graph.emulator.facts["ca_file"], "-H", "Content-Type: text/plain",
         "-H", f"Authorization: Bearer {graph.token}", "--data-binary", f"@{file}", "-w", "%{http_code}", where],
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip

    assert ("202", "") == (done.stdout, done.stderr)
    assert 1 == len(graph.emulator.messages())


def test_what_was_asked_is_counted(graph: Graph) -> None:
    """The control API says how often which kind of request came."""
    before = graph.emulator.stats()["graph"].get("POST sendMail", 0)
    graph.send_mime(MIME)

    assert before + 1 == graph.emulator.stats()["graph"]["POST sendMail"]


def _has_client() -> bool:
    """Whether Microsoft's Graph client for JavaScript is installed beside the other npm packages of the tests."""
    if shutil.which("node") is None:
        return False
    asked = ["node", "-e", "require.resolve('@microsoft/microsoft-graph-client')"]
    return (
        0
        == subprocess.run(asked, cwd=SOURCES, capture_output=True, timeout=DEADLINE_S, check=False).returncode
    )


@pytest.mark.skipif(not _has_client(), reason="needs node and @microsoft/microsoft-graph-client")
def test_microsofts_own_client(graph: Graph) -> None:
    """Microsoft's client sends JSON and MIME, uploads a large attachment, follows pages, and reads a refusal."""
    order = {
        "graph": graph.emulator.facts["graph"].replace("127.0.0.1", "localhost"), "token": graph.token,
        "user": "scan@contoso.com", "to": "lena@fabrikam.example", "octets": 5_000_000,
    }  # fmt: skip
    done = subprocess.run(
        ["node", str(SOURCES / "graph_client.cjs")], input=json.dumps(order), capture_output=True, text=True,
        timeout=DEADLINE_S, check=False, env={**os.environ, "NODE_EXTRA_CA_CERTS": graph.emulator.facts["ca_file"]},
    )  # fmt: skip

    assert "" == done.stderr
    said = json.loads(done.stdout)
    assert (["large", "as MIME"], "400 ErrorInvalidRecipients") == (said["seen"], said["refused"])
    assert "Attachments('" in said["location"]
    contents = [
        graph.emulator.call("GET", f"/messages/{one['number']}/content")[1]
        for one in graph.emulator.messages()
    ]
    subjects = [message_from_bytes(one, policy=policy.default)["subject"] for one in contents]
    assert ["by the client", "as MIME", "large"] == subjects
    (part,) = message_from_bytes(contents[-1], policy=policy.default).iter_attachments()
    assert "A" * 5_000_000 == part.get_content().decode()
