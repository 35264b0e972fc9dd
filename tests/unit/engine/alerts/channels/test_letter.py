"""Mail as a channel: never by the way that is broken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.route import MISCONFIGURED
from fakes.watched import a_scene
from relay365.engine.alerts.channels.letter import Letter, PostOffice, letter
from relay365.engine.alerts.telling import ChannelFailed, Message
from relay365.spool.api import MessageView, Selection
from relay365.spool.memory import MemorySpool

ALERT = Message("alert", "k", "critical", "relay.test", "route one waits", "'535 nö'", "do", 0.0, 60.0, "one")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def office(clock: FakeClock, tmp_path: Path) -> PostOffice:
    told: list[str] = []
    scene = a_scene(tmp_path, clock)
    return PostOffice(
        MemorySpool(clock), scene.lanes, clock, "relay.test", lambda lane: f"{lane}@contoso.com", told.append
    )


def _queued(office: PostOffice) -> list[MessageView]:
    return asyncio.run(office.spool.list(Selection()))


def test_it_goes_by_another_route_as_an_alarm(office: PostOffice) -> None:
    """From the address of that route, in the envelope, too; NOTIFY=NEVER, so that nothing comes back."""
    asyncio.run(Letter("mail", "it@fabrikam.com", "", office).tell(ALERT))
    (view,) = _queued(office)
    (recipient,) = view.recipients

    assert ("two", "it@fabrikam.com", "NEVER") == (recipient.lane, recipient.address, recipient.notify)
    assert ("two@contoso.com", "alarm") == (view.reverse_path, view.submitter.priority)
    assert "two@contoso.com" == view.header_from


def test_where_nobody_knows_a_sender_the_path_is_null(office: PostOffice) -> None:
    """A name of this machine in From, which a next hop in our own network may take."""
    stranger = replace(office, author_of=lambda lane: "")
    asyncio.run(Letter("mail", "it@fabrikam.com", "", stranger).tell(ALERT))
    (view,) = _queued(office)

    assert ("", "postmaster@relay.test") == (view.reverse_path, view.header_from)


def test_a_way_that_is_unwell_is_not_taken(office: PostOffice, clock: FakeClock) -> None:
    """Neither one that is held, nor one whose gate is shut; then the channel says so, and is asked again later."""
    office.lanes["two"].health.hold(MISCONFIGURED, clock.mono())

    with pytest.raises(ChannelFailed, match="every other route is unwell"):
        asyncio.run(Letter("mail", "it@fabrikam.com", "", office).tell(ALERT))
    assert [] == _queued(office)


def test_the_only_route_cannot_tell_that_it_is_broken(office: PostOffice) -> None:
    """A letter that is bound to the route that the alert is about."""
    with pytest.raises(ChannelFailed, match="no route but the one that it is about"):
        asyncio.run(Letter("mail", "it@fabrikam.com", "one", office).tell(ALERT))


def test_what_is_about_no_route_goes_by_the_first(office: PostOffice) -> None:
    """A silent device, a full disk."""
    asyncio.run(Letter("mail", "it@fabrikam.com", "", office).tell(Message(
        "alert", "k", "warning", "r", "w", "y", "d", 0.0, 1.0)))  # fmt: skip

    assert ["one"] == [one.lane for view in _queued(office) for one in view.recipients]


def test_a_letter_is_a_proper_mail() -> None:
    """Header injection is no way in; other scripts are encoded; lines end in CRLF; no holiday reply comes."""
    octets = letter("relay@x.test", "it@y.test", ("a\r\nBcc: evil@z.test ä", "größer\n"), "<1@x>", 0.0)
    mail = message_from_bytes(octets, policy=policy.default)

    assert "a Bcc: evil@z.test ä" == mail["Subject"]
    assert mail["Bcc"] is None
    assert ("relay@x.test", "auto-generated") == (mail["From"].addresses[0].addr_spec, mail["Auto-Submitted"])
    assert ["größer"] == mail.get_content().splitlines()
    assert b"\n" not in octets.replace(b"\r\n", b"")
