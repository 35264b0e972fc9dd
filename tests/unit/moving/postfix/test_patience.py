"""Sizes, times and counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.moving import HOP, about, config_of, postfix
from relay365.moving.finding import State

HOSTS = "mynetworks = 10.1.0.0/24\n"


def test_numbers_are_carried_over(tmp_path: Path) -> None:
    """Each parameter becomes the key that means the same, in its unit."""
    main = (
        "message_size_limit = 52428800\nsmtpd_recipient_limit = 500\nsmtpd_client_connection_count_limit = 7\n"
        "smtpd_hard_error_limit = 9\nsmtpd_timeout = 90s\nqueue_minfree = 1000000\nmaximal_queue_lifetime = 2\n"
        "delay_warning_time = 3\nminimal_backoff_time = 5m\nmaximal_backoff_time = 40m\nanvil_rate_time_unit = 120s\n"
        "smtpd_client_message_rate_limit = 50\nbounce_notice_recipient = it@contoso.com\n"
        "smtp_destination_rate_delay = 3s\n"
    )
    draft, _ = postfix(tmp_path, HOP + HOSTS + main)
    found = config_of(draft)

    assert (52_428_800, 500, 7, 9, 90.0) == (
        found.server.max_message, found.server.max_recipients, found.server.max_sessions_per_address,
        found.server.max_errors, found.server.command_timeout,
    )  # fmt: skip
    assert (172_800.0, 10_800.0, 1_000_000) == (
        found.queue.give_up,
        found.queue.warn_after,
        found.queue.disk_floor,
    )
    assert (300.0, 600.0, 1200.0, 2400.0) == found.queue.retry
    assert (25, 20, "it@contoso.com") == (
        found.allow[0].per_minute,
        found.route[0].per_minute,
        found.queue.reports_to,
    )


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("message_size_limit = 0", State.OK), ("message_size_limit = 300000000", State.WARN),
        ("message_size_limit = x", State.UNKNOWN), ("smtpd_recipient_limit = 50", State.WARN),
        ("maximal_queue_lifetime = 0", State.WARN), ("delay_warning_time = 0h", State.OK),
        ("smtpd_client_message_rate_limit = 0", State.OK), ("smtpd_timeout = ${stress?10}${stress:300}s", State.OK),
        ("smtpd_hard_error_limit = 0", State.UNKNOWN), ("queue_minfree = 0", State.OK),
        ("smtp_destination_rate_delay = 0s", State.OK), ("smtpd_client_connection_count_limit = 0", State.OK),
        ("minimal_backoff_time = soon", State.UNKNOWN),
    ],
)  # fmt: skip
def test_what_differs_is_said(tmp_path: Path, line: str, state: State) -> None:
    """No limit, too small, too large, no number: each has its finding, and the configuration stays good."""
    draft, findings = postfix(tmp_path, HOP + HOSTS + line + "\n")

    assert [state] == [one.state for one in about(findings, line.partition(" ")[0])]
    assert config_of(draft)


def test_the_name_is_a_whole_one(tmp_path: Path) -> None:
    """smtp_helo_name goes before myhostname; a short name is left to the machine."""
    whole, _ = postfix(tmp_path / "a", HOP + "smtp_helo_name = out.contoso.com\n")
    short, _ = postfix(tmp_path / "b", HOP + "myhostname = srv\n")

    assert ("out.contoso.com", "") == (config_of(whole).server.name, config_of(short).server.name)
