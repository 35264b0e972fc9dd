"""The story of a message: what belongs to it, in its order, and what to ask Microsoft."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.words.story import ask_lines, lines_of, news_of, session_of, story_of, verdict_of
from relay365.engine.blackbox.archive import Archive, key_of
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.spool.api import EventView, MessageView, RecipientView, State

AT = 1_764_064_800.0  # 2025-11-25T10:00:00Z
BUSY = "432 4.3.2 Concurrent connections limit exceeded"
GONE = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
TAKEN = "250 2.0.0 OK <theirs@x> [Hostname=X.prod.outlook.com]"
FACTS = SubmitterFacts("lan", "192.168.10.31", 49152, "COPIER", device="copier")
LENA = RecipientView(
    0, "lena@fabrikam.com", State.DELIVERED, "second", 2, None, TAKEN, "", "", False, AT + 9,
    "<theirs@x>",
)  # fmt: skip
EVENTS = (
    EventView(AT, -1, "message.accepted", "from 192.168.10.31 in lane exchange/scan@contoso.com"),
    EventView(AT, -1, "message.repaired", "date: missing, made\n+ Date: Tue"),
    EventView(AT, -1, "message.claimed", "1 recipients at once"),
    EventView(AT + 1, 0, "recipient.deferred", BUSY),
    EventView(AT + 5, 0, "recipient.held", "held by a person"),
    EventView(AT + 6, 0, "recipient.moved", "to lane second: shut for too long"),
    EventView(AT + 6, -1, "message.claimed", "1 recipients in lane second"),
    EventView(AT + 9, 0, "recipient.delivered", TAKEN),
    EventView(AT + 9, 1, "recipient.delivered", "250 of another recipient"),
)
SESSION: dict[str, Any] = {
    "session": "19ab-49152", "began_at": AT - 1, "ended": True, "peer": "192.168.10.31:49152", "tls": "", "login": "",
    "ids": ["4TP1", "4TP2"], "tolerated": {"no_brackets": 1}, "reading": "well",
    "lines": [
        [0, "relay", "220 relay.test"], [10, "client", "EHLO COPIER"], [20, "relay", "250 2.6.0 queued as 4TP1"],
        [30, "client", "MAIL FROM:<canon@local>"], [40, "relay", "250 2.6.0 queued as 4TP2"], [50, "client", "QUIT"],
    ],
}  # fmt: skip


def view(
    *recipients: RecipientView, spool_id: str = "4TP1", events: tuple[EventView, ...] = EVENTS
) -> MessageView:
    return MessageView(
        SpoolId(spool_id), AT, AT + 9999, 2048, "scan@contoso.com", "<ours@x>", "scan@contoso.com", FACTS,
        recipients or (LENA,), events=events,
    )  # fmt: skip


def test_every_try_has_its_lane_its_answer_and_its_class() -> None:
    """A hold by a person is no try; another recipient's answer is not this one's."""
    (recipient,) = story_of(view(), None)["recipients"]

    assert [
        (
            "2025-11-25T10:00:01.000Z",
            "exchange/scan@contoso.com",
            "deferred",
            BUSY,
            "rate-limit",
            "too-many-connections",
        ),
        ("2025-11-25T10:00:09.000Z", "second", "delivered", TAKEN, None, None),
    ] == [tuple(one.values()) for one in recipient["attempts"]]


def test_a_claim_of_another_lane_is_another_recipients() -> None:
    """A message that rules have divided: each recipient's tries bear its own lane."""
    events = (
        EventView(AT, -1, "message.accepted", "from 192.168.10.31 in lane connector"),
        EventView(AT + 1, -1, "message.claimed", "1 recipients in lane second"),
        EventView(AT + 1, -1, "message.claimed", "1 recipients in lane connector"),
        EventView(AT + 9, 0, "recipient.delivered", TAKEN),
    )
    (recipient,) = story_of(view(events=events), None)["recipients"]

    assert ["second"] == [one["lane"] for one in recipient["attempts"]]


@pytest.mark.parametrize(
    ("fate", "detail", "verdict", "later", "is_resolved"),
    [
        ("", "", "delivered to Microsoft", None, False),
        ("pending", "", "delivered to Microsoft; later: pending", (None, None), False),
        ("delivered", "", "delivered to Microsoft; later: delivered", (None, None), True),
        (
            "failed",
            GONE,
            f"delivered to Microsoft; later: failed {GONE}",
            ("message", "no-such-recipient"),
            True,
        ),
    ],
)
def test_the_later_end_stands_behind_ours(
    fate: str, detail: str, verdict: str, later: Any, is_resolved: bool
) -> None:
    """What Microsoft said later never replaces what it said at first; its class is the catalogue's."""
    recipient = replace(LENA, fate=fate, fate_at=AT + 60, fate_detail=detail)
    story = story_of(view(recipient), None)
    told = story["recipients"][0]["later"]

    assert verdict == verdict_of(recipient) == story["recipients"][0]["verdict"]
    assert later == (told and (told["class"], told["row"]))
    assert is_resolved == story["resolved"]
    assert bool(story["ask_microsoft"]) != is_resolved


def test_what_did_not_go_says_why() -> None:
    """State and last answer; there is nothing to ask Microsoft about it."""
    recipient = replace(LENA, state=State.QUEUED, last_reply=BUSY)

    assert f"queued: {BUSY}" == verdict_of(recipient)
    assert [] == ask_lines(view(recipient))
    assert not story_of(view(recipient), None)["resolved"]


def test_microsoft_is_asked_by_the_name_that_it_knows() -> None:
    """The name in its 250, else ours; each once; a quote cannot leave the string."""
    same = (LENA, replace(LENA, n=1), replace(LENA, n=2, remote_id=""))
    odd = replace(LENA, remote_id="<o'x@y>")

    assert [
        "Get-MessageTraceV2 -MessageId '<theirs@x>' | Get-MessageTraceDetailV2",
        "Get-MessageTraceV2 -MessageId '<ours@x>' | Get-MessageTraceDetailV2",
    ] == ask_lines(view(*same))
    assert ["Get-MessageTraceV2 -MessageId '<o''x@y>' | Get-MessageTraceDetailV2"] == ask_lines(view(odd))


@pytest.mark.parametrize(("spool_id", "texts"), [
    ("4TP1", ["220 relay.test", "EHLO COPIER", "250 2.6.0 queued as 4TP1"]),
    ("4TP2", ["MAIL FROM:<canon@local>", "250 2.6.0 queued as 4TP2"]),
])  # fmt: skip
def test_of_a_session_only_the_message_itself_is_shown(
    tmp_path: Path, spool_id: str, texts: list[str]
) -> None:
    """Found by device; from the message before it to our 250."""
    archive = Archive(tmp_path)
    archive.write(key_of("copier", ""), {"sessions": [SESSION]})
    own = view(spool_id=spool_id)
    found = story_of(own, session_of(own, archive))["session"]

    assert texts == [line["text"] for line in found["lines"]]
    assert {"no_brackets": 1} == found["tolerated"]
    assert None is session_of(view(spool_id="4TP9"), archive)


def test_a_person_reads_it_from_top_to_bottom() -> None:
    """Device, session, changes, tries, the later end, what to ask; nothing of the remote reaches the terminal raw."""
    lane = "exchange/scan@contoso.com"
    recipient = replace(LENA, lane=lane, fate="pending", fate_at=AT + 60, last_reply="x")
    events = (*EVENTS[:3], EventView(AT + 1, 0, "recipient.deferred", "432 \x1b[31mred"))
    said = lines_of(story_of(view(recipient, events=events), SESSION))

    assert [
        "4TP1  2 KB  from <scan@contoso.com>",
        "Message-ID <ours@x>",
        "2025-11-25T10:00:00.000Z  device    copier, 192.168.10.31, says COPIER, no TLS, no login",
        "2025-11-25T09:59:59.000Z  <-        220 relay.test",
        "2025-11-25T09:59:59.010Z  ->        EHLO COPIER",
        "2025-11-25T09:59:59.020Z  <-        250 2.6.0 queued as 4TP1",
        f"{'':24}  changed   date: missing, made",
        f"{'':24}  changed   + Date: Tue",
        "<lena@fabrikam.com>",
        "2025-11-25T10:00:01.000Z  try 1     exchange/scan@contoso.com  432 ?[31mred   transient",
        "2025-11-25T10:01:00.000Z  later     pending",
        f"{'':24}  now       delivered to Microsoft; later: pending",
        f"{'':24}  to go on  Get-MessageTraceV2 -MessageId '<theirs@x>' | Get-MessageTraceDetailV2",
    ] == said


def test_news_are_the_events_that_were_not_shown() -> None:
    """For --follow: each on one line."""
    story = story_of(
        view(events=(*EVENTS, EventView(AT + 60, 0, "recipient.fate", "failed: 550\nmore"))), None
    )

    assert ["2025-11-25T10:01:00.000Z  4TP1  recipient.fate #0  failed: 550"] == news_of(story, len(EVENTS))
