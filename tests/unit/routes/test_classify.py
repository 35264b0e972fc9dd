"""The catalogue: every row is reachable, realistic texts in any dress find it, and the unknown is told apart."""

from __future__ import annotations

import ast
import json
import textwrap
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.cli.main import main
from relay365.errors import TokenRefused
from relay365.mail.outcome import Class, Kind, Scope
from relay365.mail.status import EnhancedStatus, Reply
from relay365.routes.catalogue.pasted import explain
from relay365.routes.catalogue.rows import Row, catalogue
from relay365.routes.classify import outcome_of, outcome_of_graph, outcome_of_token

TESTS = Path(__file__).resolve().parents[2]
SRC = TESTS.parent / "src" / "relay365"


@dataclass(frozen=True)
class Case:
    """One golden case: what was seen, and what it must mean."""

    place: str
    text: str
    row: str
    klass: str
    scope: str
    kinds: dict[str, str] = field(default_factory=dict)


def _cases() -> list[Case]:
    found = []
    for file in sorted((TESTS / "golden" / "replies").glob("*.toml")):
        for one in tomllib.loads(file.read_text("utf-8"))["case"]:
            one["klass"] = one.pop("class")
            found.append(Case(file.stem, **one))
    return found


CASES = _cases()
SMTP_CASES = [case for case in CASES if case.kinds]
KINDS = ("submission", "connector", "graph", "hve", "acs", "smarthost")


def _name(case: Case) -> str:
    return f"{case.place}-{case.row}"


def _reply(text: str) -> Reply:
    code, _, rest = text.partition(" ")
    status = EnhancedStatus.parse(rest)
    return Reply(int(code), status, (rest.removeprefix(str(status)).strip() if status else rest,))


def _dressed(text: str) -> dict[str, str]:
    """The text as people paste it."""
    code, _, rest = text.partition(" ")
    status, _, words = rest.partition(" ")
    half = len(words) // 2
    cut = words.find(" ", half) if " " in words[half:] else len(words)
    return {
        "in capitals": text.upper(),
        "wrapped by a mail program": textwrap.fill(text, 60, break_long_words=False),
        "in a report": f"lena@fabrikam.com\nRemote server returned '{text}'\nOriginal message headers:",
        "in a log line": f"Nov 24 10:02:11 nas app[2250]: deferred (host said: {text} (in reply to end of DATA))",
        "as reply lines": f"{code}-{status} {words[:cut]}\r\n{code} {status} {words[cut:].strip()}",
        "as many reply lines": "\n".join(
            [*(f"{code}-{status} {word}" for word in words.split()), f"{code} {status} end"]
        ),
        "in a dialogue": f"250 2.1.0 Sender OK\n250 2.1.5 Recipient OK\n{text}\n221 2.0.0 Service closing",
    }


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_text_as_it_comes_is_explained(case: Case) -> None:
    """The pasted text finds its row, and with it class and scope, without being told where it is from."""
    found = explain(case.text)

    assert found.row is not None
    assert (case.row, case.klass, case.scope) == (found.row.id, found.klass.value, found.scope.value)


@pytest.mark.parametrize("case", SMTP_CASES, ids=_name)
def test_a_text_in_any_dress_is_explained(case: Case) -> None:
    """Capitals, wrapped lines, reports, log lines, continued replies and whole dialogues change nothing."""
    found = {dress: explain(text).row for dress, text in _dressed(case.text).items()}

    assert dict.fromkeys(found, case.row) == {dress: row and row.id for dress, row in found.items()}


@pytest.mark.parametrize("case", SMTP_CASES, ids=_name)
def test_a_reply_becomes_its_outcome(case: Case) -> None:
    """At each stage at which it may come, the reply gives its recipient row, class, scope, kind and its own words."""
    for stage, kind in case.kinds.items():
        outcome = outcome_of(_reply(case.text), stage)

        assert (case.row, Class(case.klass), Scope(case.scope), Kind(kind)) == (
            outcome.row, outcome.klass, outcome.scope, outcome.kind,
        )  # fmt: skip
        assert case.text == outcome.reply_text


def test_every_row_has_a_case() -> None:
    """No row of the catalogue goes without a text that finds it."""
    assert {row.id for row in catalogue()} == {case.row for case in CASES}


def test_the_cases_are_many() -> None:
    """At least 150 different texts are checked, each of an SMTP server in seven dresses besides."""
    assert len({case.text for case in CASES}) >= 150
    assert len(CASES) == len({(case.place, case.text) for case in CASES})


def test_every_command_of_the_catalogue_exists() -> None:
    """A row sends nobody to a command or an option that there is not."""
    unknown = set()
    for row in catalogue():
        for command in row.tests:
            program, *words = command.split()
            found: click.Command | None = main if program == "relay365" else None
            while words and isinstance(found, click.Group):
                found = found.get_command(click.Context(found), words.pop(0))
            options = {option for one in (found.params if found else ()) for option in one.opts}
            if found is None or not {word for word in words if word.startswith("--")} <= options:
                unknown.add(command)

    assert set() == unknown


def test_causes_on_a_kind_of_route_come_first() -> None:
    """Whoever uses a connector is told of the connector's causes, not of client submission's."""
    row = next(row for row in catalogue() if row.id == "not-authenticated")
    on_connector, everywhere = row.causes_on({"connector"}), row.causes_on(())

    assert "MX host" in on_connector[0]
    assert row.why == on_connector[1:]
    assert len(row.why) + len(row.causes) == len(everywhere)
    assert {cause.route for one in catalogue() for cause in one.causes} <= set(KINDS)


def test_rows_are_whole() -> None:
    """Ids are unique; title, causes, cures and source are said; a throttle says how long it may last."""
    rows = catalogue()

    assert len(rows) == len({row.id for row in rows})
    assert [] == [
        r.id for r in rows if not (r.title.endswith(".") and r.why and r.do and r.source and r.tests)
    ]
    assert [] == [r.id for r in rows if r.where in ("smtp", "token", "graph") and not r.links]
    assert [] == [
        r.id for r in rows if r.where == "smtp" and r.klass is Class.RATE_LIMIT and not r.retry_after_s
    ]
    assert {"smtp", "token", "graph", "device", "relay"} == {row.where for row in rows}


def test_every_mark_in_the_code_is_explained() -> None:
    """Whatever row the code itself writes on an outcome, `relay365 explain` knows it."""
    known = {row.id for row in catalogue()}
    marks = set()
    for file in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "row" and isinstance(node.value, ast.Constant):
                marks.add(node.value.value)

    assert "no-answer-after-dot" in marks
    assert set() == marks - known - {""}


@pytest.mark.parametrize(
    ("text", "klass"),
    [
        ("430 4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed", Class.CONFIGURATION),
        ("554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", Class.RATE_LIMIT),
        ("554 5.2.252 SendAsDenied; a@b.test not allowed to send as c@b.test", Class.SENDER),
        ("550 5.2.252 Sender throttled due to continuous send as denied errors", Class.RATE_LIMIT),
    ],
)
def test_the_first_digit_does_not_decide(text: str, klass: Class) -> None:
    """A 4yz that no retry heals, a 5yz that heals itself, and one status with two meanings."""
    outcome = outcome_of(_reply(text), "data")

    assert (klass, Kind.DEFERRED) == (outcome.klass, outcome.kind)


@pytest.mark.parametrize(
    ("reply", "stage", "kind", "klass", "scope"),
    [
        ("450 4.9.9 never seen", "data", Kind.DEFERRED, Class.TRANSIENT, Scope.MESSAGE),
        ("450 4.9.9 never seen", "rcpt", Kind.DEFERRED, Class.TRANSIENT, Scope.RECIPIENT),
        ("450 4.9.9 never seen", "connect", Kind.DEFERRED, Class.TRANSIENT, Scope.ROUTE),
        ("450 4.9.9 never seen", "auth", Kind.DEFERRED, Class.TRANSIENT, Scope.MAILBOX),
        ("554 never seen", "connect", Kind.DEFERRED, Class.TRANSIENT, Scope.ROUTE),
        ("599 never seen", "auth", Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        ("599 never seen", "mail", Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        ("599 never seen", "rcpt", Kind.FAILED, Class.MESSAGE, Scope.RECIPIENT),
        ("599 never seen", "data", Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        ("354 go on", "data", Kind.UNCERTAIN, Class.TRANSIENT, Scope.MESSAGE),
        ("334 VXNlcm5hbWU6", "mail", Kind.DEFERRED, Class.TRANSIENT, Scope.MESSAGE),
    ],
)
def test_an_unknown_reply_is_judged_by_stage(
    reply: str, stage: str, kind: Kind, klass: Class, scope: Scope
) -> None:
    """Unknown is temporary and ours, but for a final no to one message, and a 3yz after the dot says nothing."""
    outcome = outcome_of(_reply(reply), stage)

    assert ("", kind, klass, scope) == (outcome.row, outcome.kind, outcome.klass, outcome.scope)


@pytest.mark.parametrize("text", [
    "550 5.7.1 go away", "554 5.7.1 Service unavailable; Client host [203.0.113.7] blocked",
    "550 5.1.1 User unknown", "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
])  # fmt: skip
def test_a_no_before_mail_is_about_us_and_bounces_nothing(text: str) -> None:
    """To the greeting, EHLO or AUTH the remote knows no message yet: the mail waits, whatever its words are."""
    at_connect, at_auth = (outcome_of(_reply(text), stage) for stage in ("connect", "auth"))

    assert (Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT) == (
        at_connect.kind, at_connect.scope, at_connect.klass,
    )  # fmt: skip
    assert (Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION) == (at_auth.kind, at_auth.scope, at_auth.klass)
    assert Class.TRANSIENT is not outcome_of(_reply(text), "rcpt").klass


def test_only_2yz_is_delivered_and_names_the_remotes_id() -> None:
    """The 250 of Exchange Online is success, and its Message-ID is kept for tracing."""
    text = "250 2.0.0 OK <BN8PR12MB3060.F00@BN8PR12MB3060.namprd12.prod.outlook.com> [Hostname=x]"
    outcome = outcome_of(_reply(text), "data")

    assert (Kind.DELIVERED, None) == (outcome.kind, outcome.klass)
    assert "<BN8PR12MB3060.F00@BN8PR12MB3060.namprd12.prod.outlook.com>" == outcome.remote_id


@pytest.mark.parametrize("where", ["", "smtp", "token", "graph", "ndr"])
@pytest.mark.parametrize(
    "text", ["", "hello", "the printer says no", "HTTP 418 teapot", "1.2.3.4", "\x00\ud800"]
)
def test_an_unknown_text_says_so(text: str, where: str) -> None:
    """What no row knows has no row, but still a class and a scope, wherever it is said to come from."""
    found = explain(text, where)

    assert found.row is None
    assert isinstance(found.klass, Class)
    assert isinstance(found.scope, Scope)


def test_a_long_text_takes_no_time() -> None:
    """Whoever pastes a log of half a megabyte gets an answer in a moment of CPU."""
    start_s = time.process_time()
    for text in (
        "550-5.7.1 x\n" * 200_000,
        "5" * 2_000_000,
        "550 " * 500_000,
        "a" * 2_000_000,
        "=\n" * 1_000_000,
    ):
        explain(text)

    assert time.process_time() - start_s < 5.0


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(["", "smtp", "token", "graph", "ndr"]))
def test_no_text_can_break_it(text: str, where: str) -> None:
    """Whatever is pasted, there is an answer."""
    assert isinstance(explain(text, where).klass, Class)


def test_a_refused_token_makes_mail_wait() -> None:
    """An expired secret needs a person; a busy directory does not, whatever number it names; nothing fails."""
    secret = outcome_of_token(
        TokenRefused("invalid_client", 7000222, "AADSTS7000222: expired", temporary=False)
    )
    busy = outcome_of_token(TokenRefused("temporarily_unavailable", 0, "later", temporary=True))
    new = outcome_of_token(TokenRefused("a_new_error", 123456, "what?", temporary=False))

    assert (Kind.DEFERRED, Class.CONFIGURATION, "secret-expired") == (secret.kind, secret.klass, secret.row)
    assert (Kind.DEFERRED, Class.TRANSIENT, "token-busy") == (busy.kind, busy.klass, busy.row)
    assert (Kind.DEFERRED, Class.CONFIGURATION, "") == (new.kind, new.klass, new.row)
    assert {Scope.TENANT} == {secret.scope, busy.scope, new.scope}


def test_an_oauth_error_is_known_by_name_where_the_number_is_not() -> None:
    """Microsoft says: act on error, numbers may change; an unknown number falls back to the name."""
    body = json.dumps(
        {"error": "invalid_client", "error_description": "AADSTS7999999: new", "error_codes": [7999999]}
    )

    assert "token-invalid-client" == (explain(body, "token").row or catalogue()[0]).id


def test_a_row_that_names_codes_goes_before_one_that_does_not() -> None:
    """Long fragments before statuses before codes; how many statuses or codes a row names does not matter."""

    def weight(**more: object) -> tuple[int, int, int]:
        return Row("x", "smtp", Class.MESSAGE, Scope.MESSAGE, "", (), (), "", **more).weight  # type: ignore[arg-type]

    two = weight(codes=(550, 554), statuses=("5.7.1", "5.7.2"))
    assert weight(codes=(550,), statuses=("5.7.1",)) == two
    assert weight() < weight(codes=(550,)) < weight(statuses=("5.7.1",)) < weight(fragments=("a",))


@pytest.mark.parametrize("row", [row for row in catalogue() if row.where == "token" and row.codes])
def test_a_bare_number_of_the_directory_is_enough(row: Row) -> None:
    """error_codes of a JSON body, AADSTS in a log line, or the number alone: the same row."""
    number = row.codes[0]
    texts = {f'{{"error_codes":[{number}]}}': "", f"AADSTS{number}: words": "", str(number): "token"}

    assert [row.id] * 3 == [
        found.row.id if found.row else "" for found in map(explain, texts, texts.values())
    ]


@pytest.mark.parametrize(
    ("text", "klass"),
    [
        ("556 5.9.9 never heard of", Class.MESSAGE),
        ("556 never heard of", Class.MESSAGE),
        ("status 5.9.9 never heard of", Class.MESSAGE),
        ("456 4.9.9 never heard of", Class.TRANSIENT),
        ("456 never heard of", Class.TRANSIENT),
        ("status 4.9.9 never heard of", Class.TRANSIENT),
        ("456 5.9.9 never heard of", Class.TRANSIENT),
        ("never heard of", Class.TRANSIENT),
    ],
)
def test_an_unknown_pasted_reply_is_judged_by_its_first_digit(text: str, klass: Class) -> None:
    """The code decides, and where there is none the status; without either it is temporary."""
    found = explain(text, "smtp")

    assert (None, klass) == (found.row, found.klass)


@pytest.mark.parametrize("row", [row for row in catalogue() if row.where == "smtp" and not row.codes])
def test_a_row_without_codes_speaks_of_every_refusal(row: Row) -> None:
    """From 400 to 599: some servers have a digit of their own taste before a text that is plain."""
    status = EnhancedStatus.parse(row.statuses[0]) if row.statuses else None
    found = [outcome_of(Reply(code, status, (" ".join(row.fragments),)), "data").row for code in (400, 599)]

    assert [row.id] * 2 == found


@pytest.mark.parametrize(
    ("status", "code", "message", "row", "kind", "klass", "scope"),
    [
        (400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.", "graph-mime",
         Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        (400, "ErrorInvalidRecipients", "At least one recipient is not valid.", "graph-recipients",
         Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        (400, "BadRequest", "The maximum request length supported is 4MB.", "graph-request-length",
         Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        (413, "RequestEntityTooLarge", "", "graph-too-large", Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        (400, "ErrorMessageSizeExceeded", "", "graph-too-big", Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        (401, "InvalidAuthenticationToken", "", "graph-token", Kind.DEFERRED, Class.CONFIGURATION, Scope.TENANT),
        (401, "", "", "graph-unauthorized", Kind.DEFERRED, Class.CONFIGURATION, Scope.TENANT),
        (403, "ErrorAccessDenied", "Access is denied.", "graph-access-denied",
         Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        (403, "Authorization_RequestDenied", "", "graph-consent",
         Kind.DEFERRED, Class.CONFIGURATION, Scope.TENANT),
        (403, "ErrorSendAsDenied", "", "graph-send-as-denied", Kind.DEFERRED, Class.SENDER, Scope.MESSAGE),
        (403, "ErrorMessageSubmissionBlocked", "", "graph-account-blocked",
         Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        (400, "ErrorExceededMessageLimit", "", "graph-message-limit",
         Kind.DEFERRED, Class.RATE_LIMIT, Scope.MAILBOX),
        (403, "ErrorSubmissionQuotaExceeded", "", "graph-submission-quota",
         Kind.DEFERRED, Class.RATE_LIMIT, Scope.MAILBOX),
        (507, "ErrorQuotaExceeded", "", "graph-mailbox-full",
         Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        (404, "MailboxNotEnabledForRESTAPI", "", "graph-no-mailbox",
         Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        (404, "ErrorInvalidUser", "", "graph-no-user", Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        (404, "ResourceNotFound", "", "graph-resource-missing",
         Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        (429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", "graph-concurrency",
         Kind.DEFERRED, Class.RATE_LIMIT, Scope.TENANT),
        (429, "", "", "graph-throttled", Kind.DEFERRED, Class.RATE_LIMIT, Scope.TENANT),
        (500, "", "<html>", "graph-unwell", Kind.DEFERRED, Class.TRANSIENT, Scope.ROUTE),
        (503, "ServiceUnavailable", "", "graph-unwell", Kind.DEFERRED, Class.TRANSIENT, Scope.ROUTE),
        (200, "", "", "graph-200", Kind.UNCERTAIN, Class.TRANSIENT, Scope.MESSAGE),
        (418, "Teapot", "", "", Kind.FAILED, Class.MESSAGE, Scope.MESSAGE),
        (403, "NeverSeen", "", "", Kind.DEFERRED, Class.CONFIGURATION, Scope.MAILBOX),
        (409, "NeverSeen", "", "", Kind.DEFERRED, Class.TRANSIENT, Scope.MESSAGE),
        (599, "NeverSeen", "", "", Kind.DEFERRED, Class.TRANSIENT, Scope.ROUTE),
    ],
)  # fmt: skip
def test_an_answer_of_graph_becomes_its_outcome(
    status: int, code: str, message: str, row: str, kind: Kind, klass: Class, scope: Scope
) -> None:
    """Every code of the catalogue of Graph, and what it does not know, by status."""
    outcome = outcome_of_graph(status, code, message)

    assert (row, kind, klass, scope) == (outcome.row, outcome.kind, outcome.klass, outcome.scope)


def test_only_202_of_graph_is_delivered() -> None:
    """Success is 202; Retry-After is believed before the catalogue; without one the lane's pauses grow."""
    assert Kind.DELIVERED is outcome_of_graph(202, "", "").kind
    assert [17.0, 0.0, None] == [
        outcome_of_graph(429, "", "", wish).retry_after_s for wish in (17.0, -5.0, None)
    ]
    assert 120.0 == outcome_of_graph(503, "", "", 120.0).retry_after_s


def test_a_right_that_spreads_gets_its_two_hours() -> None:
    """430 STOREDRV is configuration, but a person is called only after the time that Microsoft needs."""
    outcome = outcome_of(
        _reply("430 4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed"), "data"
    )

    assert (Class.CONFIGURATION, 7200.0) == (outcome.klass, outcome.until_s)
