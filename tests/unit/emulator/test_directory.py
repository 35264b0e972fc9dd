"""The living state: switches, Send As, counters, and what a change does to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory, MailboxState

Make = Callable[..., Directory]


def _scan(directory: Directory) -> MailboxState:
    mailbox = directory.mailbox("Scan@Contoso.com")
    assert mailbox is not None
    return mailbox


@pytest.mark.parametrize(
    ("tenant", "mailbox", "switch"),
    [
        (True, None, ""), (False, None, "tenant"), (True, True, ""), (False, True, ""), (True, False, "mailbox"),
        (False, False, "mailbox"),
    ],
)  # fmt: skip
def test_the_mailbox_switch_overrides_the_tenants(
    directory_of: Make, tenant: bool, mailbox: bool | None, switch: str
) -> None:
    """null follows the tenant; true and false override it (Set-CASMailbox)."""
    directory = directory_of(tenant={"smtp_auth": tenant}, smtp_auth=mailbox)

    assert switch == directory.smtp_auth_switch(_scan(directory).settings)


def test_aliases_are_no_user_names(directory_of: Make) -> None:
    """A mailbox is found by its primary address in any case, not by an alias."""
    directory = directory_of()

    assert directory.mailbox("SCAN@contoso.com") is not None
    assert directory.mailbox("scanner@contoso.com") is None


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("scan@contoso.com", True), ("SCANNER@contoso.com", True), ("noreply@contoso.com", True),
        ("boss@contoso.com", False), ("contoso.com", False),
    ],
)  # fmt: skip
def test_send_as(directory_of: Make, address: str, may: bool) -> None:
    """Primary address, aliases and the Send As list may stand as sender, in any case."""
    assert may == _scan(directory_of()).may_send_as(address)


def test_senders_at_once(directory_of: Make) -> None:
    """The fourth sender is one too many, until one has ended; the highest mark stays."""
    mailbox = _scan(directory_of())
    begun = [mailbox.begin_sending() for _ in range(4)]
    mailbox.end_sending()
    mailbox.end_sending()

    assert ([True, True, True, False], True, 4) == (begun, mailbox.begin_sending(), mailbox.most_parallel)


def test_what_is_taken_is_counted(directory_of: Make, clock: FakeClock) -> None:
    """A message counts once in the minute and per recipient in the day; the mark is the most of any 60 seconds."""
    mailbox = _scan(directory_of())
    for pause_s in (0.0, 30.0, 20.0, 40.0):
        clock.pass_s(pause_s)
        mailbox.take(5)

    assert (4, 3, 2, 20) == (
        mailbox.n_accepted, mailbox.most_in_a_minute, mailbox.minute.used(clock.mono()),
        mailbox.day.used(clock.mono()),
    )  # fmt: skip


def test_changed_limits_begin_empty(directory_of: Make, clock: FakeClock) -> None:
    """A new limit of the minute starts a new window; an unrelated change leaves it alone."""
    mailbox = _scan(directory_of())
    mailbox.take(1)
    mailbox.change({"full": True})
    kept = mailbox.minute.used(clock.mono())
    mailbox.change({"limits": {"per_minute": 2, "recipients_per_day": 3}})

    assert (1, 0, 0, 2, 3) == (
        kept, mailbox.minute.used(clock.mono()), mailbox.day.used(clock.mono()), mailbox.minute.limit,
        mailbox.day.limit,
    )  # fmt: skip
    with pytest.raises(ValueError, match="keeps its address"):
        mailbox.change({"address": "x@y"})


def test_usage_can_be_forgotten(directory_of: Make, clock: FakeClock) -> None:
    """Forgetting what was used empties the windows and opens the penalty box."""
    mailbox = _scan(directory_of(tenant={"penalty_after": 1}))
    mailbox.take(1)
    mailbox.box.error("box-full", clock.mono())
    mailbox.forget_usage()

    assert ("", 0, 0) == (
        mailbox.box.locked(clock.mono()), mailbox.minute.used(clock.mono()), mailbox.day.used(clock.mono()),
    )  # fmt: skip


def test_new_terms_of_the_penalty_box(directory_of: Make, clock: FakeClock) -> None:
    """Only a change of the penalty's terms opens the boxes; the domain cannot be changed."""
    directory = directory_of(tenant={"penalty_after": 1})
    _scan(directory).box.error("box-full", clock.mono())
    directory.change_tenant({"smtp_auth": False})
    before = _scan(directory).box.locked(clock.mono())
    directory.change_tenant({"penalty_after": 2})

    assert ("box-full", "") == (before, _scan(directory).box.locked(clock.mono()))
    with pytest.raises(ValueError, match="keeps its domain"):
        directory.change_tenant({"domain": "x.test"})


def test_unknown_recipients(directory_of: Make) -> None:
    """Addresses and whole domains can be named as not existing."""
    directory = directory_of(tenant={"unknown_recipients": ("gone.example", "Old@fabrikam.example")})

    found = [
        directory.is_unknown_recipient(address)
        for address in (
            "a@gone.example",
            "old@fabrikam.example",
            "new@fabrikam.example",
            "a@not-gone.example",
        )
    ]

    assert [True, True, False, False] == found


def test_names_of_the_tenant(directory_of: Make) -> None:
    """The tenant answers to its domain and its id."""
    directory = directory_of()

    assert [True, True, False] == [
        directory.is_tenant(name) for name in ("Contoso.com", directory.identity.tenant_id, "common")
    ]


def test_the_application_can_be_changed(directory_of: Make) -> None:
    """Switches of the application change while it runs."""
    directory = directory_of()
    directory.change_application({"secret_expired": True})

    assert directory.application.secret_expired
