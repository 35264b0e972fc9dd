"""The demonstration: devices, relay and a Microsoft 365 of our own on loopback; a throttle and an outage on the way.

Stages are told as they happen; the account at the end is made from what the emulator says that it got.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relay365.clock import SystemClock
from relay365.config import parse
from relay365.trial.devices import Accepted, Login, send_all
from relay365.trial.mail import Sample, sha256_without_trace, variety
from relay365.trial.process import Service, emulator, relay
from relay365.trial.remote import Control

N_DEVICES = 4
OUTAGE_S = 4.0
SETTLE_S = 240.0  # a mailbox takes 30 messages a minute; more than that waits
LOGIN = "scanner"
_QUOTES = "\"'"
_MARKS = re.compile(r" \[|\.? Visit ")

Tell = Callable[[str, str], None]
"""Called with the name of a stage and one line about it."""


@dataclass(slots=True)
class Account:
    """What became of the mail. delivered, duplicates and same_octets are counted from the emulator's record."""

    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    waiting: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    same_octets: int = 0
    refusals: dict[str, int] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether everything arrived once and unchanged."""
        return self.accepted == self.delivered == self.same_octets and not self.failed and not self.duplicates


@dataclass(slots=True)
class Stage:
    """The running parts of a demonstration."""

    folder: Path
    microsoft: Service
    relay: Service
    control: Control

    @property
    def address(self) -> tuple[str, int]:
        """Where the relay listens."""
        host, _, port = self.relay.ready["listeners"][0].rpartition(":")
        return host, int(port)

    @property
    def config_file(self) -> Path:
        """The configuration that the emulator wrote for us."""
        return self.folder / "microsoft" / "relay365.toml"


@contextmanager
def set_up(folder: Path, tell: Tell) -> Iterator[Stage]:
    """Start emulator and relay in a folder; both end with the context. Raises ServiceDied."""
    with ExitStack() as stack:
        microsoft = stack.enter_context(emulator(folder / "microsoft"))
        facts = microsoft.ready
        tell("microsoft", f"token service {facts['authority']}, submission {facts['submission']}")
        config_file = folder / "microsoft" / "relay365.toml"
        running = stack.enter_context(relay(config_file))
        tell("relay", f"listens on {', '.join(running.ready['listeners'])}, {_route_words(facts)}")
        yield Stage(folder, microsoft, running, Control(facts["control"]))


def perform(stage: Stage, n_messages: int, tell: Tell) -> Account:
    """Send, disturb, wait, count. Raises DeviceRefused, OSError, ControlRefused."""
    began = time.perf_counter()
    sender = stage.microsoft.ready["mailboxes"][0]["address"]
    samples = variety(n_messages, sender, SystemClock().now())
    if n_messages >= 4:
        stage.control.set_mood(name="concurrent", count=1, after=n_messages // 4)
    login = _add_login(stage)
    tell("devices", f"{min(N_DEVICES, n_messages)} at once: {_kinds(samples)}")
    accepted = send_all(samples, stage.address, n_devices=min(N_DEVICES, n_messages), login=login)
    tell("accepted", _accepted_words(accepted))
    _watch(stage, n_messages, tell)
    account = count(stage, samples, len(accepted))
    account.seconds = round(time.perf_counter() - began, 1)
    return account


def count(stage: Stage, samples: list[Sample], n_accepted: int) -> Account:
    """Make the account from what the emulator got, compared octet for octet apart from the trace that we add."""
    account = Account(accepted=n_accepted)
    wanted = {one.message_id: hashlib.sha256(one.content).hexdigest() for one in samples}
    recipients = {one.message_id: sorted(one.forward_paths) for one in samples}
    seen: set[str] = set()
    for message in stage.control.messages():
        message_id = message["message_id"]
        if message_id in seen:
            account.duplicates += 1
            continue
        seen.add(message_id)
        account.delivered += sorted(message["recipients"]) == recipients.get(message_id)
        content = stage.control.content(message["number"])
        account.same_octets += sha256_without_trace(content) == wanted.get(message_id)
    account.refusals = dict(stage.control.stats().get("refused", {}))
    account.failed = _n_failed(stage)
    account.waiting = max(0, n_accepted - account.delivered - account.failed)
    return account


def _watch(stage: Stage, n_messages: int, tell: Tell) -> None:
    """Follow the deliveries until all have arrived; halfway, Microsoft is away for some seconds."""
    until = time.monotonic() + SETTLE_S + n_messages * 2.0
    log = _Log(stage.relay.log_file, tell)
    outage_at, outage_ends, n_told = (n_messages // 2 if n_messages >= 4 else -1), 0.0, 0
    while time.monotonic() < until:
        n_delivered = len(stage.control.messages())
        log.read()
        if 0 <= outage_at <= n_delivered:
            outage_at, outage_ends = -1, time.monotonic() + OUTAGE_S
            tell("outage", f"{n_delivered} delivered; now Microsoft is away for {OUTAGE_S:.0f} seconds")
            stage.control.set_mood(name="outage", how="refuse", for_s=OUTAGE_S)
        elif 0 < outage_ends <= time.monotonic():
            outage_ends = 0.0
            tell("outage", "Microsoft is back")
        elif n_delivered >= n_told + max(5, n_messages // 5) or (n_delivered == n_messages > n_told):
            n_told = n_delivered
            tell("delivered", f"{n_delivered} of {n_messages}")
        if n_delivered >= n_messages:
            return
        time.sleep(0.1)


class _Log:
    """The relay's log, read as it grows: what Microsoft said that was no yes, once each."""

    def __init__(self, file: Path, tell: Tell) -> None:
        self._file, self._tell = file, tell
        self._position = 0
        self._told: set[str] = set()

    def read(self) -> None:
        with self._file.open("rb") as file:
            file.seek(self._position)
            octets = file.read()
        end = octets.rfind(b"\n") + 1
        self._position += end
        for line in octets[:end].decode("utf-8", "replace").splitlines():
            _, found, reply = line.partition("reply=")
            if "recipient.deferred" in line and found and reply[:20] not in self._told:
                self._told.add(reply[:20])
                self._tell("waits", f"Microsoft said: {_cut(reply.strip().strip(_QUOTES))}")
                self._tell("", "the relay keeps the message and tries again by itself")


def _add_login(stage: Stage) -> Login:
    command = [sys.executable, "-m", "relay365", "user", "add", LOGIN, "--password-stdin", "--config"]
    subprocess.run(  # noqa: S603 - our own command
        [*command, str(stage.config_file)],
        input="demo-password\n",
        encoding="utf-8",
        check=True,
        capture_output=True,
    )
    data = parse(stage.config_file.read_text("utf-8"), str(stage.config_file)).server.data
    return Login(LOGIN, "demo-password", stage.config_file.parent / data / "tls" / "ca.pem")


def _n_failed(stage: Stage) -> int:
    """How many messages the relay has given up, by its own queue."""
    command = [
        sys.executable,
        "-m",
        "relay365",
        "queue",
        "list",
        "--state",
        "failed",
        "--state",
        "expired",
        "--json",
    ]
    result = subprocess.run(  # noqa: S603 - our own command
        [*command, "--config", str(stage.config_file)], encoding="utf-8", check=False, capture_output=True
    )
    return len(result.stdout.splitlines())


def _cut(words: str, width: int = 80) -> str:
    """The beginning of a reply, without the server's own marks."""
    words = _MARKS.split(words)[0]
    return words if len(words) <= width else words[:width].rsplit(" ", 1)[0] + " ..."


def _route_words(facts: dict[str, Any]) -> str:
    return f"sends as {facts['mailboxes'][0]['address']} by OAuth 2.0 (client credentials, XOAUTH2)"


def _kinds(samples: list[Sample]) -> str:
    devices = {one.device: one.title for one in samples}
    words = ", ".join(f"{device} ({title})" for device, title in devices.items())
    return f"{len(samples)} messages, {sum(len(one.content) for one in samples) / 1e6:.1f} MB: {words}"


def _accepted_words(accepted: list[Accepted]) -> str:
    small = sorted(one.answer_s for one in accepted if len(one.sample.content) < 10_000)
    middle = f", 250 after {small[len(small) // 2] * 1000:.0f} ms (median of the small ones)" if small else ""
    ids = [one.spool_id for one in accepted]
    return f"{len(accepted)} messages are on the disk{middle}; queue ids {min(ids)} to {max(ids)}"
