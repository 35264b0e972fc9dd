"""`relay365 trace`: finds messages by every name, and shows what became of them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from relay365.clock import SystemClock
from relay365.spool.later import Later, LaterFate

GONE = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"


ASKING = """
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "secret" }
mailbox = "scan@contoso.com"
trace = true
"""


def learn(desk: Any, name: str, fate: Later, detail: str = "") -> None:
    """What Microsoft says later of a message."""
    desk.spool(
        lambda spool: spool.learn_fates([LaterFate(desk.ids[name], 0, fate, SystemClock().now(), detail)])
    )


@pytest.mark.parametrize(
    "by",
    [
        ("{id}",),
        ("--message-id", "<delivered@device>"),
        ("--message-id", "delivered@device"),
        ("--to", "Delivered@fabrikam.com"),
    ],
)
def test_a_message_is_found_by_each_of_its_names(full_desk: Any, by: tuple[str, ...]) -> None:
    """Its id, its Message-ID with and without brackets, its recipient."""
    named = [word.format(id=full_desk.ids["delivered"].lower()) for word in by]

    assert [full_desk.ids["delivered"]] == [one["id"] for one in full_desk.objects("trace", *named)]


def test_mail_of_some_time_is_listed(full_desk: Any) -> None:
    """--since an age or an instant; the newest within the limit, oldest first."""
    ids = [full_desk.ids[name] for name in ("waiting", "failed", "held", "delivered")]

    assert ids == [one["id"] for one in full_desk.objects("trace", "--since", "2h")]
    assert ids[2:] == [
        one["id"] for one in full_desk.objects("trace", "--since", "2020-01-01T00:00:00Z", "--limit", "2")
    ]
    assert [ids[1]] == [
        one["id"] for one in full_desk.objects("trace", "--since", "2h", "--to", "failed@fabrikam.com")
    ]


def test_the_object_has_the_documented_keys(full_desk: Any) -> None:
    """The keys are an interface for programs."""
    learn(full_desk, "delivered", Later.FAILED, GONE)
    (found,) = full_desk.objects("trace", full_desk.ids["delivered"])
    (recipient,) = found["recipients"]

    assert {
        "id", "message_id", "accepted_at", "size_octets", "reverse_path", "device", "peer_address", "helo", "login",
        "tls", "session", "repairs", "recipients", "events", "ask_microsoft", "resolved",
    } == set(found)  # fmt: skip
    assert {
        "address", "state", "possible_duplicate", "remote_id", "attempts", "later", "verdict", "resolved",
    } == set(recipient)  # fmt: skip
    assert ("failed", GONE, "message", "no-such-recipient") == tuple(
        recipient["later"][key] for key in ("state", "detail", "class", "row")
    )
    assert ("delivered", True, []) == (recipient["state"], found["resolved"], found["ask_microsoft"])


def test_a_person_reads_what_to_do_next(full_desk: Any) -> None:
    """Where we do not know the end, the line for PowerShell."""
    said = full_desk.run("trace", full_desk.ids["delivered"])

    assert 0 == said.exit_code
    assert "try 1     smarthost  250 2.0.0 OK" in said.stdout
    assert "now       delivered to Microsoft\n" in said.stdout
    assert "Get-MessageTraceV2 -MessageId '<delivered@device>' | Get-MessageTraceDetailV2" in said.stdout


def test_the_queue_shows_the_later_end_too(full_desk: Any) -> None:
    """`queue show` and its JSON; the state stays delivered."""
    learn(full_desk, "delivered", Later.FAILED, GONE)
    said = full_desk.run("queue", "show", full_desk.ids["delivered"]).stdout
    (found,) = full_desk.objects("queue", "show", full_desk.ids["delivered"])

    assert "<delivered@fabrikam.com>  delivered" in said
    assert f"later: failed {GONE}" in said
    assert ("delivered", "failed") == (found["state"], found["recipients"][0]["later"]["state"])


@pytest.mark.parametrize(("words", "code"), [
    (("ZZZZZZ",), 1), (("--message-id", "<no@x>"), 1), (("--to", "no@x.test"), 1),
    ((), 2), (("ZZZZZZ", "--to", "a@x.test"), 2), (("--since", "soon"), 2),
])  # fmt: skip
def test_what_cannot_be_found_or_is_not_named(full_desk: Any, words: tuple[str, ...], code: int) -> None:
    """Exit 1 and three lines for a message that is not there, 2 for wrong use."""
    said = full_desk.run("trace", *words)

    assert code == said.exit_code
    assert ("what: no message" in said.stderr) == (code == 1)


def test_following_ends_when_the_end_is_known(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """New events come as lines behind the story; then it leaves. Without a route that asks, the handing over is it."""
    looks: list[float] = []

    def look(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            learn(full_desk, "delivered", Later.FAILED, GONE)

    monkeypatch.setattr(time, "sleep", look)
    assert 0 == full_desk.run("trace", full_desk.ids["delivered"], "--follow").exit_code
    assert [] == looks
    file = full_desk.directory / "relay365.toml"
    file.write_text(file.read_text().partition("[[route]]")[0] + ASKING)
    (full_desk.directory / "secret").write_text("s3cret")
    said = full_desk.run("trace", full_desk.ids["delivered"], "--follow")

    assert (0, 2) == (said.exit_code, len(looks))
    assert f"{full_desk.ids['delivered']}  recipient.fate #0  failed: {GONE}" in said.stdout.splitlines()[-1]


def test_a_wish_that_cannot_be_asked_is_found_before_the_start(desk: Any) -> None:
    """`config check`: a password opens no Graph, so `trace = true` needs a sign-in by token."""
    text = (desk.directory / "relay365.toml").read_text().partition("[[route]]")[0]
    route = (
        'kind = "submission"\nmailbox = "scan@contoso.com"\npassword = { file = "secret" }\ntrace = true\n'
    )
    (desk.directory / "secret").write_text("s3cret")
    (desk.directory / "relay365.toml").write_text(f"{text}[[route]]\n{route}")
    said = desk.run("config", "check")

    assert 1 == said.exit_code
    assert "what: route submission" in said.stderr


def test_times_as_people_want_them(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local with the offset, as in `history`; in UTC with --utc, and always for a program."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        words = ("trace", full_desk.ids["delivered"])
        local, utc = full_desk.run(*words).stdout, full_desk.run(*words, "--utc").stdout
        (found,) = full_desk.objects(*words)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert found["accepted_at"] in utc
    assert found["accepted_at"].endswith("Z")
    assert local.count("+05:30") == utc.count("Z  ") > 0
    assert found["accepted_at"] not in local
