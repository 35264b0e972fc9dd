"""What happens by the clock: expiry, lapsed claims, reports that are owed, pruning. Reference spool, fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import ip_network

from fakes.claims import claim_due
from fakes.clock import FakeClock
from fakes.mail import put
from relay365.engine.keeper import PRUNE_ROUND_S, SETTLING_S, Duties, Keeper
from relay365.engine.reports.audience import Audience
from relay365.errors import SpoolCorrupt
from relay365.mail.content import Content
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.headers import date_time
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.catalogue.rows import catalogue
from relay365.spool.aging.life import GRACE_S
from relay365.spool.api import Fate, Hold, LaneNote, MessageView, NewMessage, Selection, Settlement, State
from relay365.spool.memory import MemorySpool

FAILED = Outcome(
    Kind.FAILED,
    Scope.RECIPIENT,
    Class.MESSAGE,
    reply_text="550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found",
)


class House:
    """One keeper and its spool."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.spool = MemorySpool(self.clock)
        self.told: list[str] = []
        self.kept: frozenset[str] = frozenset()
        duties = Duties(
            "relay.test", 1000.0, 5000.0, lambda envelope, submitter: "way", lambda lane: "scan@contoso.com",
            lambda: self.kept, self.told.append,
        )  # fmt: skip
        self.duties = duties
        self.keeper = Keeper(self.spool, self.clock, duties)

    def restrict(self, audience: Audience) -> None:
        """From now on only these may be told."""
        self.keeper = Keeper(self.spool, self.clock, replace(self.duties, audience=audience))

    def warn_after(self, warn_after_s: float) -> None:
        """From now on senders are told of mail that is late."""
        self.keeper = Keeper(self.spool, self.clock, replace(self.duties, warn_after_s=warn_after_s))

    async def texts(self) -> list[str]:
        """The reports as text, in the order in which they were queued."""
        contents = [await self.spool.content(view.spool_id) for view in await self.reports()]
        return [(content.octets() or b"").decode() for content in contents if content is not None]

    async def fail(self, spool_id: SpoolId, outcome: Outcome = FAILED) -> None:
        """Settle every recipient as failed, a report owed."""
        now = self.clock.now()
        (claim,) = await claim_due(self.spool, "way", limit=1, now=now, lease_until_at=now + 60)
        fates = tuple(Fate(r.n, State.FAILED, outcome, owes=Debt.FAILURE) for r in claim.recipients)
        assert [] == await self.spool.settle([Settlement(spool_id, claim.lease, fates)])

    async def reports(self) -> list[MessageView]:
        """Messages with the null reverse-path."""
        return [view for view in await self.spool.list(Selection()) if view.reverse_path == ""]


def story(tell: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        await tell(House())

    asyncio.run(run())


def test_a_failed_recipient_is_reported_once() -> None:
    """The sender gets one report with the remote's words; the second round owes nothing more."""

    async def tell(house: House) -> None:
        spool_id = await put(house.spool, house.clock, "gone@x.test", envid="QQ314159")
        await house.fail(spool_id)
        await house.keeper.round()
        await house.keeper.round()
        (report,) = await house.reports()
        content = await house.spool.content(report.spool_id)
        assert content is not None
        text = (content.octets() or b"").decode()

        assert ["scan@contoso.com"] == [r.address for r in report.recipients]
        assert ["way"] == house.told
        assert "Diagnostic-Code: smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found" in text
        assert "Status: 5.1.10" in text
        assert "Original-Envelope-Id: QQ314159" in text
        assert "Subject: x" in text  # the head of the message that failed
        assert spool_id in text

    story(tell)


def test_a_report_is_never_reported() -> None:
    """No bounce of a bounce: a failed report is forgiven, and nothing new is queued (RFC 5321 4.5.5)."""

    async def tell(house: House) -> None:
        spool_id = await put(house.spool, house.clock, sender="")
        await house.fail(spool_id)
        await house.keeper.round()

        assert [spool_id] == [view.spool_id for view in await house.reports()]
        assert [] == await house.spool.debts(Debt.FAILURE, limit=9)

    story(tell)


class _DamagedSpool(MemorySpool):
    """A spool that has lost the contents."""

    async def content(self, spool_id: SpoolId) -> Content | None:
        raise SpoolCorrupt(f"message {spool_id}: its segment is missing")


def test_a_report_needs_no_content() -> None:
    """Where the failed message cannot be read any more its sender is told all the same, and the round goes on."""

    async def tell(house: House) -> None:
        house.spool = house.keeper._spool = _DamagedSpool(house.clock)
        await house.fail(await put(house.spool, house.clock, "gone@x.test"))
        await house.keeper.round()

        assert 1 == len(await house.reports())
        assert [] == await house.spool.debts(Debt.FAILURE, limit=9)

    story(tell)


def test_who_wished_no_report_gets_none() -> None:
    """NOTIFY=NEVER is kept (RFC 3461 4.1)."""

    async def tell(house: House) -> None:
        spool_id = await put(house.spool, house.clock, notify="NEVER")
        await house.fail(spool_id)
        await house.keeper.round()

        assert [] == await house.reports()
        assert [] == await house.spool.debts(Debt.FAILURE, limit=9)

    story(tell)


def test_mail_that_is_too_old_expires_with_a_report() -> None:
    """At the end of its life a message becomes expired, and its sender is told with 4.4.7."""

    async def tell(house: House) -> None:
        spool_id = await put(house.spool, house.clock, life_s=100.0)
        house.clock.pass_s(99.0)
        await house.keeper.round()
        view = await house.spool.show(spool_id)
        assert view is not None
        assert State.QUEUED is view.recipients[0].state
        house.clock.pass_s(2.0)
        await house.keeper.round()
        view = await house.spool.show(spool_id)
        assert view is not None
        assert State.EXPIRED is view.recipients[0].state
        (report,) = await house.reports()
        content = await house.spool.content(report.spool_id)
        assert content is not None
        assert b"Status: 4.4.7" in (content.octets() or b"")

    story(tell)


def test_nothing_expires_while_a_person_must_act() -> None:
    """A route that waits for its administrator over a long weekend does not run its mail out of time; another does."""

    async def tell(house: House) -> None:
        kept = await put(house.spool, house.clock, life_s=100.0)
        expires = await put(house.spool, house.clock, lane="other", life_s=100.0)
        house.kept = frozenset({"way"})
        house.clock.pass_s(1000.0)
        await house.keeper.round()
        views = [await house.spool.show(one) for one in (kept, expires)]

        assert [State.QUEUED, State.EXPIRED] == [
            view.recipients[0].state for view in views if view is not None
        ]

    story(tell)


def test_what_a_hold_took_of_a_life_is_given_back() -> None:
    """Ten days of hold do not count against a life of five; afterwards all that was left of it is there."""

    async def tell(house: House) -> None:
        day_s = 86_400.0
        spool_id = await put(house.spool, house.clock, life_s=5 * day_s)
        house.clock.pass_s(day_s)
        house.kept = frozenset({"way"})
        for _ in range(10):
            await house.keeper.round()
            house.clock.pass_s(day_s)
        house.kept = frozenset()
        await house.keeper.round()
        view = await house.spool.show(spool_id)
        assert view is not None
        assert (house.clock.now() + 4 * day_s, 10 * day_s) == (view.expires_at, view.kept_s)
        house.clock.pass_s(4 * day_s - 1)
        await house.keeper.round()
        assert State.EXPIRED not in await house.spool.counts()
        house.clock.pass_s(1.0)
        await house.keeper.round()
        assert State.EXPIRED in await house.spool.counts()

    story(tell)


def test_nobody_is_told_of_late_mail_in_the_first_minute() -> None:
    """A relay that was down over the weekend sends what waits, before it reports that it waits."""

    async def tell() -> None:
        house = House()
        await put(house.spool, house.clock, life_s=1000.0)
        house.clock.pass_s(500.0)
        house.warn_after(100.0)
        await house.keeper.round()
        assert [] == await house.reports()
        house.clock.pass_s(SETTLING_S)
        await house.keeper.round()
        assert 1 == len(await house.reports())

    asyncio.run(tell())


def test_a_backlog_goes_before_what_is_too_old_in_it_expires() -> None:
    """Healed, it has an hour to go out; a restart in between does not take that away."""

    async def tell(house: House) -> None:
        await put(house.spool, house.clock, life_s=100.0)
        house.kept = frozenset({"way"})
        await house.keeper.round()
        house.clock.pass_s(1000.0)
        house.keeper = Keeper(house.spool, house.clock, house.duties)
        house.kept = frozenset()
        await house.keeper.round()
        house.clock.pass_s(GRACE_S - 1)
        await house.keeper.round()
        assert {State.QUEUED: 1} == await house.spool.counts()
        house.clock.pass_s(1.0)
        await house.keeper.round()
        assert State.EXPIRED in await house.spool.counts()

    story(tell)


def test_a_lapsed_claim_comes_back_as_a_possible_duplicate() -> None:
    """A worker that is gone may have delivered: nobody knows, and that is what the mark says."""

    async def tell(house: House) -> None:
        spool_id = await put(house.spool, house.clock)
        now = house.clock.now()
        await claim_due(house.spool, "way", limit=1, now=now, lease_until_at=now + 60.0)
        house.clock.pass_s(61.0)
        await house.keeper.round()
        view = await house.spool.show(spool_id)

        assert view is not None
        assert (State.QUEUED, True) == (view.recipients[0].state, view.recipients[0].possible_duplicate)

    story(tell)


def test_history_is_pruned_after_its_time() -> None:
    """Finished messages are forgotten after `keep`, waiting ones never."""

    async def tell(house: House) -> None:
        done = await put(house.spool, house.clock, sender="")
        await house.fail(done)
        await house.keeper.round()
        waiting = await put(house.spool, house.clock, life_s=1e9)
        house.clock.pass_s(max(5001.0, PRUNE_ROUND_S + 1))
        await house.keeper.round()

        assert None is await house.spool.show(done)
        assert await house.spool.show(waiting) is not None

    story(tell)


def test_a_stranger_is_never_told() -> None:
    """A sender outside gets no report (no backscatter): the dead letter stays for the administrator."""

    async def tell(house: House) -> None:
        house.restrict(Audience(frozenset({"fabrikam.com"})))
        spool_id = await put(house.spool, house.clock)
        await house.fail(spool_id)
        await house.keeper.round()
        (dead,) = await house.spool.list(Selection(states=frozenset({State.FAILED})))

        assert [] == await house.reports()
        assert [] == await house.spool.debts(Debt.FAILURE, limit=9)
        assert spool_id == dead.spool_id

    story(tell)


def test_the_owner_of_a_device_is_told_with_its_sender() -> None:
    """One report, both named in it and in its envelope, and nobody may answer it with another report."""

    async def tell(house: House) -> None:
        network = (ip_network("0.0.0.0/0"), "lena@contoso.com")
        house.restrict(Audience(frozenset({"contoso.com"}), {}, (network,)))
        await house.fail(await put(house.spool, house.clock))
        await house.keeper.round()
        (report,) = await house.reports()
        content = await house.spool.content(report.spool_id)
        assert content is not None

        assert ["scan@contoso.com", "lena@contoso.com"] == [r.address for r in report.recipients]
        assert {"NEVER"} == {r.notify for r in report.recipients}
        assert b"To: <scan@contoso.com>,\r\n\t<lena@contoso.com>\r\n" in (content.octets() or b"")

    story(tell)


def test_a_report_says_what_to_do() -> None:
    """Beside the remote's words stand the catalogue's: what it means, why, and what heals it."""

    async def tell(house: House) -> None:
        known = replace(FAILED, row="no-such-recipient")
        await house.fail(await put(house.spool, house.clock), known)
        await house.keeper.round()
        (report,) = await house.reports()
        content = await house.spool.content(report.spool_id)
        assert content is not None
        text = (content.octets() or b"").decode()
        row = next(row for row in catalogue() if row.id == "no-such-recipient")

        assert f"    What happened: {row.title}\r\n    Exact words: {FAILED.reply_text}\r\n" in text
        assert f"    Why: {row.why[0]}\r\n" in text
        assert f"    To do: {row.do[0]}\r\n" in text

    story(tell)


def test_a_sender_is_told_once_that_his_mail_is_late() -> None:
    """After warn_after, once, with the end of the tries; a failure afterwards is told as well (RFC 3464 2.3.3)."""

    async def tell(house: House) -> None:
        house.warn_after(100.0)
        spool_id = await put(house.spool, house.clock, life_s=1000.0)
        await house.spool.retry(Selection((spool_id,)), house.clock.now() + 5000.0)
        house.clock.pass_s(99.0)
        await house.keeper.round()
        assert [] == await house.reports()
        house.clock.pass_s(1.0)
        await house.keeper.round()
        await house.keeper.round()
        (delay,) = await house.texts()

        assert "Action: delayed\r\nStatus: 4.0.0\r\n" in delay
        assert f"Will-Retry-Until: {date_time(house.clock.now() + 900.0)}\r\n" in delay
        assert "It could not be tried yet" in delay
        house.clock.pass_s(900.0)
        await house.keeper.round()
        assert ["delayed", "failed"] == [_action(text) for text in await house.texts()]

    story(tell)


def _action(text: str) -> str:
    return text.partition("Action: ")[2].partition("\r\n")[0]


def test_a_late_report_whose_own_way_is_shut_waits_and_is_spared() -> None:
    """It would come with the message: while the way is shut nothing is queued, and when the message went, never."""

    async def tell(house: House) -> None:
        house.warn_after(100.0)
        spool_id = await put(house.spool, house.clock, life_s=1000.0)
        house.clock.pass_s(200.0)
        now = house.clock.now()
        await house.spool.note_lane(LaneNote("way", gate_until_at=now + 60.0, klass="rate-limit"))
        await house.keeper.round()
        assert [spool_id] == [view.spool_id for view in await house.spool.debts(Debt.DELAY, limit=9)]
        (claim,) = await claim_due(house.spool, "way", limit=1, now=now, lease_until_at=now + 60)
        await house.spool.settle([Settlement(spool_id, claim.lease, (Fate(0, State.DELIVERED, FAILED),))])
        house.clock.pass_s(61.0)
        await house.keeper.round()

        assert [] == await house.reports()
        assert [] == await house.spool.debts(Debt.DELAY, limit=9)

    story(tell)


def test_a_late_report_says_for_whom_or_what_the_mail_waits() -> None:
    """A lane that is held for a person, and one that a quota has shut, are named as such, by another lane."""

    async def tell(house: House) -> None:
        house.warn_after(100.0)
        await put(house.spool, house.clock, lane="held", life_s=1000.0)
        await put(house.spool, house.clock, lane="gated", life_s=1000.0)
        house.clock.pass_s(2000.0)
        house.kept = frozenset({"held", "gated"})
        now = house.clock.now()
        await house.spool.note_lane(LaneNote("held", "535 5.7.139 no", "configuration", "auth-refused"))
        await house.spool.note_lane(LaneNote("gated", gate_until_at=now + 60.0, klass="rate-limit"))
        await house.keeper.round()
        held, gated = await house.texts()
        row = next(row for row in catalogue() if row.id == "auth-refused")

        assert "waits until the administrator of the relay has acted" in " ".join(held.split())
        assert row.title in " ".join(held.split())
        assert "    Exact words: 535 5.7.139 no\r\n" in held
        assert "Status: 4.0.0\r\n" in held
        assert "Will-Retry-Until" not in held
        assert "sending quota of Microsoft 365" in " ".join(gated.split())
        assert date_time(now + 60.0) in " ".join(gated.split())

    story(tell)


def test_who_asked_for_success_is_told_that_it_was_relayed() -> None:
    """Action relayed, never delivered: whether it came to the mailbox is not known here (RFC 3461 5.2.2)."""

    async def tell(house: House) -> None:
        spool_id = await put(house.spool, house.clock, notify="SUCCESS")
        now = house.clock.now()
        (claim,) = await claim_due(house.spool, "way", limit=1, now=now, lease_until_at=now + 60)
        taken = Outcome(Kind.DELIVERED, reply_text="250 2.6.0 Queued mail for delivery")
        fate = Fate(0, State.DELIVERED, taken, owes=Debt.SUCCESS)
        await house.spool.settle([Settlement(spool_id, claim.lease, (fate,))])
        await house.keeper.round()
        await house.keeper.round()
        (text,) = await house.texts()

        assert "Action: relayed\r\nStatus: 2.6.0\r\n" in text
        assert "Subject: Relayed mail: your message was handed on\r\n" in text

    story(tell)


def test_who_asked_only_for_success_hears_of_no_failure() -> None:
    """NOTIFY names what is wished, and nothing else is told (RFC 3461 4.1)."""

    async def tell(house: House) -> None:
        await house.fail(await put(house.spool, house.clock, notify="SUCCESS"))
        await house.keeper.round()

        assert [] == await house.reports()
        assert [] == await house.spool.debts(Debt.FAILURE, limit=9)

    story(tell)


def test_the_owner_hears_once_of_mail_that_is_kept_for_a_person() -> None:
    """One report for the message, whatever its sender and NOTIFY; where nobody may be told the debt is struck out."""

    async def tell(house: House) -> None:
        await keep(house)
        await house.keeper.round()
        assert [] == await house.reports()
        house.restrict(Audience(frozenset({"contoso.com"}), reports_to="admin@contoso.com"))
        spool_id = await keep(house)
        await house.keeper.round()
        await house.keeper.round()
        (report,) = await house.reports()
        (text,) = await house.texts()

        assert ["admin@contoso.com"] == [r.address for r in report.recipients]
        assert "Subject: Held mail: a message of your device waits for you" in text
        assert "550 5.7.1 recipient not allowed here (R1)" in text
        assert "Action: delayed" in text
        assert spool_id in text

    story(tell)


async def keep(house: House) -> SpoolId:
    """A message that its device believes to be on its way."""
    intake = house.spool.begin()
    intake.write(b"Subject: x\r\n\r\nx\r\n")
    now = house.clock.now()
    envelope = Envelope("cam@x.test", (ForwardPath("far@else.test", "NEVER"), ForwardPath("near@else.test")))
    held = Hold("refused", "550 5.7.1 recipient not allowed here (R1)", Debt.KEPT)
    facts = SubmitterFacts("lan", "192.0.2.7", device="cam")
    await intake.commit(NewMessage(envelope, facts, "way", now, now + 1000.0, held=held))
    return intake.spool_id
