"""Numbers of a virtual server."""

from __future__ import annotations

import pytest

from relay365.moving.draft import Draft
from relay365.moving.finding import Findings, State
from relay365.moving.iis.limits import Limits
from relay365.moving.iis.metabase import Node, Server


def _read(**attributes: str) -> tuple[Draft, Findings]:
    draft, findings = Draft("x"), Findings()
    Limits(Server(Node("IIsSmtpServer", "/1", attributes, {}), None, "m"), draft, findings).read()
    return draft, findings


def test_numbers_are_carried_over() -> None:
    """In our units."""
    draft, _ = _read(
        MaxMessageSize="36700160", MaxRecipients="200", MaxConnections="50", MaxSmtpErrors="5", ConnectionTimeout="600",
        SmtpRemoteProgressiveRetry="15,30,60,240", SmtpRemoteNDRExpireMinutes="2880", SmtpRemoteDelayExpireMinutes="90",
        FullyQualifiedDomainName="srv.contoso.com", SendNdrTo="it@contoso.com",
    )  # fmt: skip

    assert {
        "max_message": 36_700_160, "max_recipients": 200, "max_sessions": 50, "max_errors": 5, "command_timeout": "10m",
        "name": "srv.contoso.com",
    } == draft.table("server").keys  # fmt: skip
    assert {
        "retry": ["15m", "30m", "1h", "4h"],
        "give_up": "2d",
        "warn_after": "90m",
        "reports_to": "it@contoso.com",
    } == (draft.table("queue").keys)


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("MaxMessageSize", "0", State.OK), ("MaxMessageSize", "x", State.UNKNOWN), ("MaxRecipients", "64", State.WARN),
        ("MaxConnections", "2000000000", State.OK), ("ConnectionTimeout", "0", State.UNKNOWN),
        ("SmtpRemoteProgressiveRetry", "soon", State.UNKNOWN), ("SendNdrTo", "nobody", State.UNKNOWN),
        ("FullyQualifiedDomainName", "a b", State.UNKNOWN), ("DefaultDomain", "x.org", State.OK),
    ],
)  # fmt: skip
def test_what_differs_is_said(name: str, value: str, state: State) -> None:
    """No limit, too few, no number: nothing is set, and a finding says why."""
    draft, findings = _read(**{name: value})

    assert [state] == [one.state for one in findings]
    assert [] == list(draft.written())
