"""What a report says about a recipient, for each of the reasons why it failed, waits or was handed on."""

from __future__ import annotations

from dataclasses import replace

from relay365.engine.reports.wording import HANDED_ON, reported
from relay365.mail.dsn import Debt
from relay365.routes.catalogue.rows import catalogue
from relay365.spool.api import LaneNote, RecipientView, State

NOW = 1_795_082_531.0
RECIPIENT = RecipientView(
    0, "lena@fabrikam.com", State.QUEUED, "way", 0, NOW + 60, "", "", "", False, None, "", orcpt="rfc822;l@x"
)
GONE = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"


def _title(mark: str) -> str:
    return next(row.title for row in catalogue() if row.id == mark)


def test_a_refusal_is_explained_by_its_row() -> None:
    """Title, causes and cures are the catalogue's; the words and their status are the remote's."""
    failed = replace(RECIPIENT, state=State.FAILED, last_reply=GONE, row="no-such-recipient")
    said = reported(failed, Debt.FAILURE, None, NOW)

    assert ("lena@fabrikam.com", "rfc822;l@x", "5.1.10", GONE) == (
        said.address,
        said.orcpt,
        said.status,
        said.reply,
    )
    assert _title("no-such-recipient") == said.happened
    assert {"Why", "To do"} == {line.partition(":")[0] for line in said.advice}


def test_what_expired_names_its_last_answer() -> None:
    """4.4.7, and what the remote last said, or that it was never tried."""
    expired = replace(RECIPIENT, state=State.EXPIRED, last_reply="451 4.3.2 later")

    assert ("4.4.7", "expired; last answer: 451 4.3.2 later") == _said(expired)
    assert ("4.4.7", "expired before it could be tried") == _said(replace(expired, last_reply=""))


def _said(recipient: RecipientView) -> tuple[str, str]:
    said = reported(recipient, Debt.FAILURE, None, NOW)
    return said.status, said.reply


def test_what_failed_at_microsoft_says_so() -> None:
    """A fate that was learnt later: the reason's status and row, or that the reason is not known."""
    delivered = replace(RECIPIENT, state=State.DELIVERED, last_reply="250 2.6.0 taken", fate="failed")
    known = reported(replace(delivered, fate_detail=GONE), Debt.FAILURE, None, NOW)
    unknown = reported(delivered, Debt.FAILURE, None, NOW)

    assert ("5.1.10", GONE) == (known.status, known.reply)
    assert known.happened.startswith("Microsoft 365 took the message, and it failed there: ")
    assert "Microsoft 365 took the message, and it failed there: the reason is not known." == unknown.happened
    assert "" == unknown.reply


def test_what_waits_for_a_person_says_so() -> None:
    """The held lane's row is the reason, and its words are the exact ones, whatever the recipient heard before."""
    note = LaneNote("way", "535 5.7.139 no", "configuration", "auth-refused")
    said = reported(replace(RECIPIENT, last_reply="451 4.3.2 later"), Debt.DELAY, note, NOW)
    strange = reported(RECIPIENT, Debt.DELAY, replace(note, row=""), NOW)

    assert said.happened.endswith(f"has acted: {_title('auth-refused')}")
    assert "535 5.7.139 no" == said.reply
    assert strange.happened.endswith("has acted: 535 5.7.139 no")


def test_what_waits_for_a_quota_says_until_when() -> None:
    """A gate that is open again is no reason any more."""
    note = LaneNote("way", klass="rate-limit", gate_until_at=NOW + 60)
    shut = reported(RECIPIENT, Debt.DELAY, note, NOW).happened

    assert shut.endswith("which is looked at again on Thu, 19 Nov 2026 10:03:11 +0000.")
    assert "quota" not in reported(RECIPIENT, Debt.DELAY, note, NOW + 60).happened


def test_what_waits_by_itself_says_how_often_it_was_tried() -> None:
    """By the row of its last answer where there is one, else by the number of tries."""
    known = replace(RECIPIENT, attempts=3, last_reply="451 4.3.2 later", row="service-not-available")
    texts = [
        reported(one, Debt.DELAY, None, NOW).happened
        for one in (known, replace(known, row=""), replace(known, row="", attempts=1), RECIPIENT)
    ]

    assert [
        _title("service-not-available"), "It could not be delivered with 3 tries.",
        "It could not be delivered with one try.",
        "It could not be tried yet: mail before it takes all that may be sent.",
    ] == texts  # fmt: skip


def test_what_was_handed_on_promises_no_mailbox() -> None:
    """The remote's 250 and its status, and that nothing more is known."""
    said = reported(replace(RECIPIENT, last_reply="250 2.6.0 Queued"), Debt.SUCCESS, None, NOW)

    assert ("2.6.0", "250 2.6.0 Queued", HANDED_ON, ()) == (
        said.status,
        said.reply,
        said.happened,
        said.advice,
    )
