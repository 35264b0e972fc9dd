"""The words of a way: where it leads, and why there is none."""

from __future__ import annotations

import asyncio

from relay365.mail.outcome import Class, Kind, Scope
from relay365.mail.status import Reply
from relay365.routes.wire.remote import Remote, StepRefused, held
from relay365.smtp.client import Step


def test_a_remote_that_is_named_is_where_it_is() -> None:
    """It is its own destination, also after it was missed."""
    remote = Remote("mail.contoso.com", 587, "relay.test", "required")
    remote.missed()

    assert remote is asyncio.run(remote.find())


def test_what_only_a_person_heals_keeps_the_mail() -> None:
    """Class configuration, the whole route, and nothing was offered."""
    no = held("no-starttls", "x does not offer STARTTLS")

    assert (Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION, False) == (
        no.outcome.kind, no.outcome.scope, no.outcome.klass, no.outcome.offered,
    )  # fmt: skip
    assert "no-starttls: x does not offer STARTTLS" == str(no)


def test_a_refused_step_says_which() -> None:
    """For the log, in one line."""
    assert "ehlo: 421 4.3.2 not now" == str(StepRefused(Step.EHLO, Reply.of(421, "4.3.2", "not now")))
