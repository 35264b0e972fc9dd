"""Sending without HTTP: senders, sizes, and the minute that SMTP uses, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from relay365.emulator.entra.signing import Claims
from relay365.emulator.graph.answers import GraphError
from relay365.emulator.graph.sending import How, Sending
from relay365.emulator.house.parts import Parts

APPLICATION = Claims("graph", "app", "", frozenset({"Mail.Send"}), frozenset(), 2e9)


def _send(
    parts: Parts, octets: bytes, claims: Claims = APPLICATION, mailbox: str = "scan@contoso.com"
) -> None:
    state = parts.directory.mailbox(mailbox)
    assert state is not None
    Sending(parts.directory, parts.office, parts.clock).send(state, claims, iter([octets]), How())


@pytest.mark.parametrize(
    ("author", "sender"),
    [
        (b"scan@contoso.com", "scan@contoso.com"),
        (b"SCANNER@contoso.com", "scan@contoso.com"),
        (b"noreply@contoso.com", "noreply@contoso.com"),
    ],
)
def test_who_it_is_from(parts_of: Callable[..., Parts], author: bytes, sender: str) -> None:
    """An alias becomes the primary address, an address with Send As stays."""
    parts = parts_of()
    _send(parts, b"From: Device <%s>\r\nTo: a@x.example\r\nSubject: Scanner\r\n\r\nx" % author)

    (message,) = parts.record.messages()
    content = parts.record.content(message.number)
    assert isinstance(content, bytes)
    assert (sender, True) == (message.reverse_path, f"From: Device <{sender}>\r\n".encode() in content)


def test_a_stranger_as_sender(parts_of: Callable[..., Parts]) -> None:
    """Another address is ErrorSendAsDenied, and enough of them shut the mailbox as they do by SMTP."""
    parts = parts_of(tenant={"penalty_after": 2})
    for row in ("send-as", "send-as", "blocked"):
        with pytest.raises(GraphError, match=row):
            _send(parts, b"From: boss@contoso.com\r\nTo: a@x.example\r\n\r\nx")
    with pytest.raises(GraphError, match="blocked"):
        _send(parts, b"To: a@x.example\r\n\r\nx")
    assert [] == parts.record.messages()


def test_a_member_sends_as_the_shared_mailbox(parts_of: Callable[..., Parts]) -> None:
    """A user may write From a shared mailbox out of the own one; another user may not."""
    parts = parts_of(members=("erp@contoso.com",))
    user = Claims("graph", "app", "erp@contoso.com", frozenset(), frozenset({"Mail.Send"}), 2e9)
    _send(parts, b"From: scan@contoso.com\r\nTo: a@x.example\r\n\r\nx", user, "erp@contoso.com")

    assert "scan@contoso.com" == parts.record.messages()[0].reverse_path


@pytest.mark.parametrize(
    ("settings", "row"),
    [
        ({"full": True}, "full"),
        ({"limits": {"send_octets": 50}}, "too-large-size"),
        ({"limits": {"per_minute": 1}}, "minute"),
    ],
)
def test_what_the_mailbox_refuses(parts_of: Callable[..., Parts], settings: dict[str, Any], row: str) -> None:
    """A full mailbox, a message above its size, and one above its minute are refused, and nothing is kept of them."""
    parts = parts_of(**settings)
    if row == "minute":
        parts.directory.mailbox("scan@contoso.com").take(1)  # type: ignore[union-attr] # the fixture has made it

    with pytest.raises(GraphError, match=row):
        _send(parts, b"To: a@x.example\r\n\r\n" + b"x" * 100)
    assert [] == parts.record.messages()


def test_nobody_to_send_to(parts_of: Callable[..., Parts]) -> None:
    """A message without recipients is refused."""
    with pytest.raises(GraphError, match="no-recipients"):
        _send(parts_of(), b"Subject: x\r\n\r\nTo: body@x.example\r\n")


def test_the_surplus_of_a_minute_comes_later(parts_of: Callable[..., Parts], clock: Any) -> None:
    """With surplus = delay a message above the minute is accepted at once and sent when the minute has room."""
    parts = parts_of(limits={"per_minute": 1, "surplus": "delay"})
    slept: list[float] = []

    async def story() -> None:
        async def wait(seconds: float) -> None:
            slept.append(seconds)
            clock.pass_s(seconds)

        loop_sleep, asyncio.sleep = asyncio.sleep, wait  # type: ignore[assignment] # the clock of the test waits
        try:
            for _ in range(2):
                _send(parts, b"To: a@x.example\r\n\r\nx")
            assert 1 == len(parts.record.messages())
            while len(parts.record.messages()) < 2:
                await loop_sleep(0)
        finally:
            asyncio.sleep = loop_sleep

    asyncio.run(asyncio.wait_for(story(), 10))

    assert [60.0] == slept
    assert [1_000_000.0, 1_000_060.0] == [one.received_at for one in parts.record.messages()]


def test_more_recipients_than_the_mailbox_allows(parts_of: Callable[..., Parts]) -> None:
    """Refused for all of them, counted for the penalty box as by SMTP; as many as are allowed go."""
    parts = parts_of(limits={"recipients_per_message": 2})
    with pytest.raises(GraphError, match="many-recipients"):
        _send(parts, b"To: a@x.example, b@x.example\r\nBcc: c@x.example\r\n\r\nx")
    _send(parts, b"To: a@x.example\r\nBcc: c@x.example\r\n\r\nx")

    assert [("a@x.example", "c@x.example")] == [message.recipients for message in parts.record.messages()]
