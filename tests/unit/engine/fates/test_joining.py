"""Rows and reports find their recipients, and nothing else."""

from __future__ import annotations

import pytest

from relay365.engine.fates.joining import WORDS, fate_of, joined, limit_of
from relay365.mail.envelope import SpoolId
from relay365.mail.outcome import Class, Kind, Scope
from relay365.routes.tracing.traces import TraceRow
from relay365.spool.later import Later, Sent

TERRL = "550 5.7.233 Your message can't be sent: your tenant exceeded its daily limit for external recipients"


def sent(
    address: str = "lena@fabrikam.com", *, remote_id: str = "", notify: str = "", sender: str = "a@b.test"
) -> Sent:
    return Sent(SpoolId("4TP1"), 0, address, "way", 1.0, "<ours@x>", remote_id, sender, notify)


def row(status: str, name: str = "<ours@x>", recipient: str = "Lena@Fabrikam.com") -> TraceRow:
    return TraceRow("t", name, "a@b.test", recipient, 2.0, status)


def test_the_key_is_name_and_recipient() -> None:
    """Ours, or the one that the 250 named; addresses in any case; another name or recipient is another message."""
    assert [(sent(), row("failed"))] == joined([sent()], [row("failed")])
    renamed = sent(remote_id="<theirs@x>")
    assert [(renamed, row("failed", "<theirs@x>"))] == joined([renamed], [row("failed", "<theirs@x>")])
    assert [] == joined([sent()], [row("failed", "<theirs@x>"), row("failed", recipient="bob@fabrikam.com")])


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_rows_the_best_end_counts(order: int) -> None:
    """Sent twice and delivered once is delivered; an unknown word never wins."""
    rows = [row("failed"), row("unknownFutureValue"), row("delivered"), row("pending")][::order]

    assert ["delivered"] == [found.status for _, found in joined([sent()], rows)]
    assert [] == joined([sent()], [row("unknownFutureValue")])


@pytest.mark.parametrize("word", WORDS)
def test_only_a_failure_makes_a_debt(word: str) -> None:
    """Every word of Microsoft has one of ours."""
    fate = fate_of(sent(), row(word), "why", 3.0)

    assert (WORDS[word], 3.0, "why", word == "failed") == (fate.fate, fate.at, fate.detail, fate.owes_report)
    assert (word == "failed") == (fate.fate is Later.FAILED)


def test_nobody_is_told_who_did_not_wish_it_or_cannot_be() -> None:
    """The null path, and NOTIFY=NEVER in any case."""
    owed = [
        fate_of(one, row("failed"), "", 3.0).owes_report
        for one in (sent(sender=""), sent(notify="Never"), sent(notify="FAILURE"))
    ]

    assert [False, False, True] == owed


def test_a_limit_is_told_from_every_other_failure() -> None:
    """A tenant's limit shuts lanes; a wrong address and words that nobody knows do not."""
    limit = limit_of(TERRL)

    assert limit is not None
    assert (Kind.DEFERRED, Class.RATE_LIMIT, Scope.TENANT, TERRL) == (
        limit.kind,
        limit.klass,
        limit.scope,
        limit.reply_text,
    )
    assert "5.7.233" == str(limit.status)
    assert [None, None, None] == [
        limit_of(text) for text in ("550 5.1.10 RESOLVER.ADR.RecipientNotFound", "", "no idea")
    ]
