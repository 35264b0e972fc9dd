"""What people paste: the code that a text is about is found, and line ends of every kind change nothing."""

from __future__ import annotations

import pytest

from relay365.mail.outcome import Class, Scope
from relay365.routes.catalogue.pasted import Explanation, explain

DENIED = "554 5.2.252 SendAsDenied; a@x.test not allowed to send as b@x.test"


@pytest.mark.parametrize(
    "text",
    [
        DENIED,
        DENIED.lower(),
        f"{DENIED} [Hostname=VI1PR04MB6894.eurprd04.prod.outlook.com]",
        f"smtp;{DENIED}",
        "554-5.2.252 SendAsDenied; a@x.test not\r\n554 5.2.252 allowed to send as b@x.test",
        "554-5.2.252 SendAsDenied;\n554-5.2.252 a@x.test not allowed\n554 5.2.252 to send as b@x.test",
        "Diagnostic-Code: smtp; 554 5.2.252 SendAsDeni=\r\ned; a@x.test not allowed to send as b@x.test",
    ],
)
def test_one_refusal_in_many_dresses(text: str) -> None:
    """Trailers, casing, two and three reply lines, a report and quoted-printable breaks find the same row."""
    found = explain(text)

    assert "send-as-denied-current" == (found.row.id if found.row else "")


def test_a_text_of_a_device_is_known() -> None:
    """What a panel shows is explained, too, and says what to set where."""
    found = explain("Error: Token update failed. Please delete the token and obtain it again. (0x31)")

    assert found.row is not None
    assert ("device-token-update", Class.CONFIGURATION) == (found.row.id, found.klass)


def test_the_name_of_a_row_explains_itself() -> None:
    """The mark that a log line or `queue show` prints is enough."""
    found = explain(" No-StartTLS ")

    assert found.row is not None
    assert Explanation(found.row, Class.CONFIGURATION, Scope.ROUTE) == found


@pytest.mark.parametrize(("text", "row"), [
    ("200 [request-id b9397b78-c013-4333-be92-6876dccc10ae]", "graph-200"),
    ("429 ApplicationThrottled over its MailboxConcurrency limit. [request-id b9397b78]", "graph-concurrency"),
    ("503 ServiceUnavailable [request-id b9397b78]", "graph-unwell"),
])  # fmt: skip
def test_an_answer_of_graph_is_known_by_its_request_id(text: str, row: str) -> None:
    """As the history has it, wherever it is pasted from."""
    found = explain(text).row

    assert found is not None
    assert row == found.id
