"""Stories of mail after Microsoft's 250: trace and reports of the emulator, joined to the queue of a relay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.house import Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from fakes.claims import claim_due
from relay365.app.roads import build_routes, site_of
from relay365.app.ways.fates import Readers, readers_of
from relay365.clock import SystemClock
from relay365.config import parse
from relay365.engine.fates.watch import Desk
from relay365.routes.tracing.asking import PRINCIPAL, AskLater
from relay365.spool.sqlite import SqliteSpool

GONE = "nobody@fabrikam.com"
HEAD = "From: Copier <{sender}>\r\nTo: x@fabrikam.com\r\nSubject: {n}\r\nMessage-ID: <{n}@device.test>\r\n\r\nhello\r\n"


class Later(SystemClock):
    """The machine's clock, some minutes on: what is due later is due now."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s

    def now(self) -> float:
        return super().now() + self.ahead_s


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own, where one address does not exist and the application may read."""
    with microsoft(tmp_path) as running:
        running.control.change("/tenant", unknown_recipients=[GONE], unknown_reply="ndr", delivery_s=0)
        running.control.change(
            "/application",
            graph_roles=["Mail.Send", "Mail.ReadWrite", "Mail.Read", "ExchangeMessageTrace.Read.All"],
        )
        yield running


def relay_of(cloud: Microsoft, folder: Path, more: str) -> Relay:
    """A relay whose route asks what becomes of its mail."""
    secret = next(line for line in cloud.config().splitlines() if line.startswith("secret = "))
    return cloud.relay(folder, route=f"{secret}\n{more}")


def send(relay: Relay, cloud: Microsoft, n: str, *to: str, sender: str = "") -> None:
    """One message, until Microsoft has it."""
    author = sender or cloud.mailbox
    n_before = len(cloud.control.messages())
    relay.send(HEAD.format(sender=author, n=n).encode(), sender=author, to=to)
    eventually(lambda: len(cloud.control.messages()) > n_before and not relay.queue())


def traced(relay: Relay, *words: str) -> list[dict[str, Any]]:
    """What `trace --json` says."""
    result = relay.command("trace", *words, "--json")
    assert 0 == result.returncode, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def ask(
    relay: Relay, work: Callable[[Readers, SqliteSpool, SystemClock], Awaitable[Any]], ahead_s: float = 150
) -> Any:
    """Do what the service would do some minutes later, with its configuration and its queue."""
    config, clock = parse(relay.config_file.read_text(), "relay365.toml"), Later(ahead_s)

    async def story() -> Any:
        site = site_of(config, relay.directory)
        readers = readers_of(config, build_routes(config, relay.directory, site), site, clock)
        spool = await SqliteSpool.open(relay.directory / config.server.data, clock=clock, disk_floor_octets=0)
        try:
            return await work(readers, spool, clock)
        finally:
            await readers.close()
            await spool.close()

    return asyncio.run(story())


async def look(readers: Readers, spool: SqliteSpool, clock: SystemClock) -> list[str]:
    """All watches look once; what kept them from it."""
    refused = []
    for watch in readers.watches(Desk(spool, clock)):
        try:
            await watch.look()
        except AskLater as later:
            refused.append(later.do or later.why)
    return refused


def test_the_trace_tells_what_became_of_each_recipient(cloud: Microsoft, tmp_path: Path) -> None:
    """One question after two minutes: one is delivered, one failed with its reason, and the queue knows both."""
    relay = relay_of(cloud, tmp_path / "relay", "trace = true")
    with relay:
        send(relay, cloud, "one", "lena@fabrikam.com", GONE)
        eventually(
            lambda: traced(relay, "--message-id", "<one@device.test>")[0]["session"]
        )  # kept when it ended
        (before,) = traced(relay, "--message-id", "<one@device.test>")
    assert ["delivered to Microsoft"] * 2 == [one["verdict"] for one in before["recipients"]]
    assert 1 == len(before["ask_microsoft"])
    assert "ehlo device.test" in " ".join(line["text"] for line in before["session"]["lines"])

    assert [] == ask(relay, look)
    (after,) = traced(relay, before["id"])
    well, failed = after["recipients"]
    assert ("delivered", "delivered", None) == (well["state"], well["later"]["state"], well["later"]["row"])
    assert ("delivered", "failed", "message") == (
        failed["state"],
        failed["later"]["state"],
        failed["later"]["class"],
    )
    assert "550 5.1.10" in failed["later"]["detail"]
    assert ([], True) == (after["ask_microsoft"], after["resolved"])


def test_a_trace_that_may_not_be_read_yet_says_what_to_do(cloud: Microsoft, tmp_path: Path) -> None:
    """401 until the service principal exists; then what was open is resolved."""
    cloud.control.change("/graph", trace_principal=False)
    relay = relay_of(cloud, tmp_path / "relay", "trace = true")
    with relay:
        send(relay, cloud, "one", "lena@fabrikam.com")
    (refused,) = ask(relay, look)
    assert PRINCIPAL in refused
    assert None is traced(relay, "--since", "1h")[0]["recipients"][0]["later"]

    cloud.control.change("/graph", trace_principal=True)
    assert [] == ask(relay, look, ahead_s=4000)
    assert "delivered" == traced(relay, "--since", "1h")[0]["recipients"][0]["later"]["state"]


def test_the_service_reads_reports_by_itself(cloud: Microsoft, tmp_path: Path) -> None:
    """A report that lies in the mailbox when the service starts: read, joined, and said in the log."""
    with relay_of(cloud, tmp_path / "relay", "") as relay:
        send(relay, cloud, "one", GONE)
    with relay_of(cloud, tmp_path / "relay", "read_reports = true") as relay:
        found = eventually(lambda: traced(relay, "--to", GONE)[0]["recipients"][0]["later"])
        assert ("failed", "no-such-recipient") == (found["state"], found["row"])
        log = relay.log_file.read_text()
    assert "report.read mailbox=" in log
    assert "recipient.fate id=" in log
    assert "report.queued" not in log, "Exchange has told the mailbox that sent it"


def test_an_uncertain_delivery_is_found_in_the_trace(cloud: Microsoft, tmp_path: Path) -> None:
    """The answer to the final dot was lost, but Exchange has the message: it is not sent a second time."""
    cloud.control.set_mood(name="lie", count=1)
    relay = relay_of(cloud, tmp_path / "relay", "trace = true")
    with relay:
        relay.send(HEAD.format(sender=cloud.mailbox, n="one").encode(), sender=cloud.mailbox)
        eventually(lambda: any(one["possible_duplicate"] for one in relay.queue()))

    async def story(readers: Readers, spool: SqliteSpool, clock: SystemClock) -> Any:
        (lane,) = readers.traces
        (claim,) = await claim_due(spool, lane, limit=1, now=clock.now(), lease_until_at=clock.now() + 60)
        return await readers.again(clock).look(claim)

    seen = ask(relay, story, ahead_s=600)
    assert ({0: "delivered"}, 0.0) == (seen.found, seen.wait_s)
    assert 1 == len(cloud.control.messages())


def test_a_limit_in_a_report_shuts_the_lane_of_the_running_service(cloud: Microsoft, tmp_path: Path) -> None:
    """5.7.233 comes after the 250: the lane waits, and what is accepted meanwhile waits with it."""
    cloud.control.set_mood(
        name="ndr", count=1, text="550 5.7.233 Your tenant exceeded its daily external limit"
    )
    with relay_of(cloud, tmp_path / "relay", "") as relay:
        send(relay, cloud, "one", "lena@fabrikam.com")
    with relay_of(cloud, tmp_path / "relay", "read_reports = true") as relay:
        eventually(lambda: "limit.reached lane=" in relay.log_file.read_text())
        relay.send(HEAD.format(sender=cloud.mailbox, n="two").encode(), sender=cloud.mailbox)
        assert ["queued"] == [one["state"] for one in eventually(relay.queue)]
    assert 1 == len(cloud.control.messages())


def test_the_synthetic_mail_is_seen_to_its_end(cloud: Microsoft, tmp_path: Path) -> None:
    """Taken with a 250 and then lost: an alert that says why, which another one's 250 alone would never have said."""
    relay = relay_of(cloud, tmp_path / "relay", "trace = true")
    tables = f'[alerts]\nprobe_to = "{GONE}"\n[[alerts.channel]]\nkind = "mail"\nto = "{cloud.mailbox}"\n'
    relay.config_file.write_text(relay.config_file.read_text() + tables)
    with relay:
        eventually(lambda: cloud.control.messages() and not relay.queue())
    assert [] == ask(relay, look)
    with relay:
        (alert,) = eventually(lambda: alerts(relay))

    assert "synthetic" == alert["key"]
    assert alert["what"].endswith(f"the synthetic mail to {GONE} was taken and did not arrive")
    assert "550 5.1.10 RESOLVER.ADR.RecipientNotFound" in alert["why"]


def alerts(relay: Relay) -> list[dict[str, Any]]:
    """What is open, by what `alerts list --json` says."""
    return [json.loads(line) for line in relay.command("alerts", "list", "--json").stdout.splitlines()]
