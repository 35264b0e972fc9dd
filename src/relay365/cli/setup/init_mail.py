"""The first mail of a new relay: a real relay is started, takes it like any device's, and delivers it."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay365.cli.words.output import load_config, now, with_spool

if TYPE_CHECKING:
    from relay365.config import Config
    from relay365.setup.tries.answer import Answer

READY, TAKEN, DELIVERED = "relay", "first mail", "delivered to Microsoft"
END_S = 15.0
_LOOK_S = 0.3


def send_first(
    config_file: Path, addresses: tuple[str, str], tell: Callable[[Answer, float], None], wait_s: float
) -> list[Answer]:
    """Start the relay, send one mail from addresses[0] to addresses[1], wait until it is delivered, stop the relay.

    Gives the answers; the last one is not good where it went wrong. A mail that is not delivered in time stays queued.
    """
    from relay365.setup.tries.answer import Answer

    config, _ = load_config(config_file)
    began = time.monotonic()
    answers: list[Answer] = []

    def told(answer: Answer) -> bool:
        answers.append(answer)
        tell(answer, time.monotonic() - began)
        return answer.good

    with running(config_file) as (ready, log_file):
        if not ready:
            told(did_not_start(config_file, log_file))
            return answers
        door = _door(config, ready["listeners"])
        if door is None:
            do = f"relay365 user add NAME, then send from a device; relay365 run --config {config_file}"
            told(Answer(TAKEN, False, "every listener asks for a login", "init has none", do))
            return answers
        spool_id, answer = _hand_in(door, *addresses)
        if told(answer):
            follow(config_file, spool_id, told, (began + wait_s, DELIVERED))
    return answers


@contextmanager
def running(config_file: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """A relay with its ready event, or {} where it did not start; the log stands beside the configuration."""
    log_file = config_file.with_suffix(".first-run.log")
    command = [sys.executable, "-m", "relay365", "run", "--config", str(config_file), "--json"]
    with log_file.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, encoding="utf-8"
        )
    try:
        yield _ready_event(process), log_file
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if process.returncode == 0:
            log_file.unlink(missing_ok=True)  # it is there for whoever must find out why it did not run


def did_not_start(config_file: Path, log_file: Path) -> Answer:
    """Its last words are the reason."""
    from relay365.setup.tries.answer import Answer

    do = f"relay365 run --config {config_file}"
    return Answer(READY, False, "the relay did not start", _last_words(log_file), do)


def _ready_event(process: subprocess.Popen[str]) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout is not None else ""
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return found


def _last_words(log_file: Path) -> str:
    lines = [line for line in log_file.read_text("utf-8", "replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "it said nothing"


def _door(config: Config, listening: list[str]) -> tuple[str, int] | None:
    """A listener that a device without login can use in plain words, as an address that can be called."""
    from relay365.config import split_host_port

    for one, address in zip(config.listener, listening, strict=True):
        if one.tls in ("none", "optional") and not one.require_auth:
            host, port = split_host_port(address)
            return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104  # compared with
    return None


def _hand_in(door: tuple[str, int], sender: str, recipient: str) -> tuple[str, Answer]:
    """(queue id, answer)."""
    from relay365.setup.tries.answer import Answer, refused, unreachable

    where = f"{door[0]}:{door[1]}"
    began = time.monotonic()
    try:
        code, words = _dialogue(door, sender, recipient)
    except (OSError, smtplib.SMTPException) as error:
        do = "relay365 config check, and look whether another program listens there"
        return "", unreachable(TAKEN, where, error, do)
    if code != 250:
        return "", refused(TAKEN, f"{code} {words}", "smtp")
    spool_id = words.rpartition(" ")[2]
    passed_ms = (time.monotonic() - began) * 1000
    return spool_id, Answer(TAKEN, True, f"queued as {spool_id} by {where}, 250 after {passed_ms:.0f} ms")


def _dialogue(door: tuple[str, int], sender: str, recipient: str) -> tuple[int, str]:
    """The last reply: to the final dot, or the first refusal before it."""
    with smtplib.SMTP(*door, timeout=30.0) as client:
        client.ehlo()
        code, text = client.docmd(f"MAIL FROM:<{sender}>")
        if code == 250:
            code, text = client.docmd(f"RCPT TO:<{recipient}>")
        if code == 250:
            code, text = client.data(_content(sender, recipient))
    return code, text.decode("utf-8", "replace")


def _content(sender: str, recipient: str) -> bytes:
    from relay365.mail.headers import date_time

    lines = (
        f"From: relay365 <{sender}>", f"To: <{recipient}>", "Subject: relay365 works", f"Date: {date_time(now())}",
        "", "This is the first mail of a new relay365. It came in like a scan from a printer, was written to the disk,",
        "and went out through Microsoft 365.", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode("utf-8")


def follow(config_file: Path, spool_id: str, told: Callable[[Answer], bool], how: tuple[float, str]) -> None:
    """Tell each answer of the next hop once, until one is final. how: until when at most (monotonic), and the name."""
    from relay365.setup.tries.answer import Answer, refused

    (until, name), last = how, ""
    while True:
        view = with_spool(config_file, lambda spool: spool.show(spool_id))
        one = view.recipients[0] if view is not None and view.recipients else None
        if one is not None and one.state.value == "delivered":
            told(Answer(name, True, one.last_reply or one.remote_id or "taken"))
            return
        if one is not None and one.last_reply and one.last_reply != last:
            last = one.last_reply
            told(refused(name, last, ""))
        if one is not None and one.state.value in ("failed", "expired"):
            return
        if time.monotonic() > until:
            if not last:
                told(
                    Answer(
                        name,
                        False,
                        "no answer yet",
                        "the mail waits in the queue",
                        f"relay365 trace {spool_id}",
                    )
                )
            return
        time.sleep(_LOOK_S)
