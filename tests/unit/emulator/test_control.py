"""The control API behind its ASGI interface: what it changes, and when it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.control import Control
from relay365.emulator.entra.grants import Consent
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.house.parts import Parts
from relay365.emulator.moods import KINDS
from relay365.emulator.record import INLINE_OCTETS, Arrival
from relay365.emulator.tenant.office import Posting
from relay365.emulator.texts import TEXTS
from unit.emulator.conftest import ask


class Desk:
    """The API with what it rules; settled counts how often it waited for moods to rule."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.directory, self.moods, self.record = parts.directory, parts.moods, parts.record
        self.n_settled = 0
        self._app = Control(parts, self._settle).app()

    async def _settle(self) -> None:
        self.n_settled += 1

    def ask(self, method: str, target: str, body: object = None) -> tuple[int, Any]:
        status, answer, _ = ask(self._app, method, target, b"" if body is None else json.dumps(body).encode())
        return status, answer

    def deliver(self, content: bytes) -> None:
        draft = self.record.begin()
        draft.write(content)
        self.record.keep(draft, Arrival("scan@contoso.com", "a@x", ("b@y",), 1.0))


@pytest.fixture
def desk(parts_of: Callable[..., Parts]) -> Desk:
    return Desk(parts_of())


def test_moods_come_and_go(desk: Desk) -> None:
    """A mood is set, shown and taken back; each time the API waits until it rules."""
    status, mood = desk.ask("POST", "/moods", {"name": "slow", "seconds": 3})

    assert (201, 3.0) == (status, mood["seconds"])
    assert (200, [mood]) == desk.ask("GET", "/moods")
    assert 204 == desk.ask("DELETE", f"/moods/{mood['id']}")[0]
    desk.ask("POST", "/moods", {"name": "quota"})
    assert 204 == desk.ask("DELETE", "/moods")[0]
    assert ((200, []), 4) == (desk.ask("GET", "/moods"), desk.n_settled)


def test_what_is_known(desk: Desk) -> None:
    """All kinds of moods and all replies are listed, with bounds and parameters."""
    _, known = desk.ask("GET", "/moods/known")

    assert list(KINDS) == [one["name"] for one in known["moods"]]
    assert list(TEXTS) == list(known["texts"])
    assert {"count", "for_s", "after", "seconds", "at"} == set(
        next(one for one in known["moods"] if one["name"] == "slow")["parameters"]
    )


@pytest.mark.parametrize("size", [10, INLINE_OCTETS + 10])
def test_contents(desk: Desk, size: int) -> None:
    """A content is given as it was written, from memory and from its file."""
    desk.deliver(b"x" * size)

    assert (200, b"x" * size) == desk.ask("GET", "/messages/1/content")
    assert (200, "b@y") == (
        desk.ask("GET", "/messages/1")[0], desk.ask("GET", "/messages/1")[1]["recipients"][0],
    )  # fmt: skip


def test_lists_are_cut(desk: Desk) -> None:
    """after and limit cut the list; DELETE empties it."""
    for _ in range(5):
        desk.deliver(b"x")
    numbers = [one["number"] for one in desk.ask("GET", "/messages?after=1&limit=3")[1]]

    assert [2, 3, 4] == numbers
    assert 204 == desk.ask("DELETE", "/messages")[0]
    assert (200, []) == desk.ask("GET", "/messages")


def test_switches_change(desk: Desk, clock: FakeClock) -> None:
    """PATCH changes mailbox, tenant and application; usage is forgotten on demand."""
    mailbox = desk.directory.mailbox("scan@contoso.com")
    assert mailbox is not None
    mailbox.take(7)
    used = desk.ask("GET", "/mailboxes/scan@contoso.com")[1]["now"]
    statuses = [
        desk.ask("PATCH", "/mailboxes/scan@contoso.com", {"full": True})[0],
        desk.ask("PATCH", "/tenant", {"smtp_auth": False})[0],
        desk.ask("PATCH", "/application", {"enabled": False})[0],
        desk.ask("DELETE", "/mailboxes/scan@contoso.com/usage")[0],
    ]

    assert [200, 200, 200, 204] == statuses
    assert {"sending": 0, "minute": 1, "recipients_24_h": 7, "penalty": None} == used
    assert (True, False, False, 0) == (
        mailbox.settings.full, desk.directory.tenant.smtp_auth, desk.directory.application.enabled,
        mailbox.day.used(clock.mono()),
    )  # fmt: skip


def test_what_is_wrong_is_told(desk: Desk) -> None:
    """A wrong value is 400 with its key, what is not there is 404."""
    assert (
        400,
        {"error": "full: expected a valid boolean, unable to interpret input, found 'perhaps'"},
    ) == desk.ask("PATCH", "/mailboxes/scan@contoso.com", {"full": "perhaps"})
    assert (404, {"error": "no mailbox has this address"}) == desk.ask("GET", "/mailboxes/x@y")
    assert (404, ["error"]) == (
        desk.ask("GET", "/messages/1/content")[0], list(desk.ask("GET", "/messages/1/content")[1]),
    )  # fmt: skip


def test_the_counters(desk: Desk) -> None:
    """The counters are those of the record and of each mailbox."""
    desk.deliver(b"x")
    desk.deliver(b"x")
    desk.record.tally.refused["quota"] += 1
    _, stats = desk.ask("GET", "/stats")

    assert (2, 1, {"quota": 1}, 0) == (
        stats["accepted"], stats["duplicates"], stats["refused"], stats["connections"],
    )  # fmt: skip
    assert {"accepted": 0, "refused": 0, "most_parallel": 0, "most_in_60_s": 0} == (
        stats["mailboxes"]["erp@contoso.com"]
    )


def test_what_became_of_a_message_is_listed(desk: Desk) -> None:
    """Traces, the items of a mailbox and their contents can be read; deleting traces empties the folders, too."""
    draft = desk.parts.office.begin()
    draft.write(b"Subject: Scan\r\nMessage-ID: <1@x>\r\n\r\nbody")
    recipients = ("erp@contoso.com", "gone@contoso.com")
    desk.directory.change_tenant({"unknown_recipients": ["gone@contoso.com"], "delivery_s": 0})
    desk.parts.office.take(draft, Posting("graph", "scan@contoso.com", "scan@contoso.com", recipients))

    traces = desk.ask("GET", "/traces")[1]
    items = desk.ask("GET", "/mailboxes/scan@contoso.com/items")[1]
    report = next(one for one in items if "inbox" == one["folder"])

    assert [("erp@contoso.com", "delivered"), ("gone@contoso.com", "failed")] == [
        (one["recipient"], one["status"]) for one in traces
    ]
    assert ["inbox", "sentitems"] == [one["folder"] for one in items]
    status, content = desk.ask("GET", f"/mailboxes/scan@contoso.com/items/{report['id']}/content")
    assert (200, True) == (status, b"multipart/report" in content)
    assert 404 == desk.ask("GET", "/mailboxes/scan@contoso.com/items/none/content")[0]
    assert 204 == desk.ask("DELETE", "/traces")[0]
    assert ([], []) == (
        desk.ask("GET", "/traces")[1],
        desk.ask("GET", "/mailboxes/scan@contoso.com/items")[1],
    )


def test_a_device_code_is_decided_once(desk: Desk) -> None:
    """A waiting code is approved by a user of the directory, once; nonsense is refused."""
    device = desk.parts.tokens.grants.begin_device("https://outlook.office.com/SMTP.Send")
    where = f"/device-codes/{device.user_code}"

    assert "pending" == desk.ask("GET", "/device-codes")[1][0]["state"]
    for wrong in (
        {},
        {"user": "scan@contoso.com", "declined": True},
        {"user": "nobody@contoso.com"},
        {"user": 1},
    ):
        assert 400 == desk.ask("POST", where, wrong)[0]
    assert 204 == desk.ask("POST", where, {"user": "Scan@contoso.com"})[0]
    assert 404 == desk.ask("POST", where, {"user": "scan@contoso.com"})[0]
    assert "scan@contoso.com" == desk.parts.tokens.grants.redeem_device(device.secret).user


def test_sign_ins_are_revoked(desk: Desk) -> None:
    """DELETE of a mailbox's sign-ins kills its refresh tokens and no other's."""
    grants = desk.parts.tokens.grants
    mine, other = (grants.refresh_token(Consent(one, "s")) for one in ("scan@contoso.com", "erp@contoso.com"))

    assert 204 == desk.ask("DELETE", "/mailboxes/scan@contoso.com/sign-ins")[0]
    with pytest.raises(Refusal, match="AADSTS50173"):
        grants.redeem_refresh(mine)
    assert "erp@contoso.com" == grants.redeem_refresh(other).user


def test_graph_has_settings_and_a_workload_a_token(desk: Desk) -> None:
    """PATCH /graph changes Graph's settings and refuses unknown keys; /workload-token gives what the cluster signs."""
    status, settings = desk.ask("PATCH", "/graph", {"trace_principal": False})

    assert (200, False) == (status, settings["trace_principal"])
    assert 400 == desk.ask("PATCH", "/graph", {"nosuch": 1})[0]
    assert 3 == len(desk.ask("GET", "/workload-token")[1]["token"].split("."))
