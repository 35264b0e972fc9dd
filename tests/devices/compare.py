"""The zoo in front of other servers: `python -m devices.compare` (in tests and tests/interop) prints the comparison.

A session counts where each answer is of the same kind as ours (yes, go on, no) and what must arrive upstream does.
Sessions that show a tolerance switched off are ours alone, and so are those that need our configuration.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from devices.stage import Settings, check_upstream, path_of, relay_for, settings_of, upstream_of
from e2e.house import Delivered, Sink, _free_port, eventually
from relay365.clock import SystemClock
from relay365.net.tls import own_certificate, server_context
from relay365.trial.zoo.cages import Specimen, specimens
from relay365.trial.zoo.play import Playing, play
from relay365.trial.zoo.script import Script
from servers.postfix import PACKAGE, Postfix

PATIENCE_S = 4.0  # for an answer
ARRIVAL_S = 30.0  # at the next hop; Postfix has a queue of its own
OUR_WAY = ("b18-panel-wrong-password", "b55-keep-alive-verbs")  # how many errors, and how late the answers
Server = Callable[[], contextlib.AbstractContextManager[tuple[int, list[Delivered]]]]


@dataclass
class Score:
    """What one server did: session -> "" where it held, else why not; None where it was not asked."""

    name: str
    results: dict[str, str | None]

    @property
    def text(self) -> str:
        asked = [result for result in self.results.values() if result is not None]
        return f"{sum(not result for result in asked)} of {len(asked)}"


def comparable() -> list[Specimen]:
    """Sessions that ask nothing of a server but to be as forgiving as we are."""
    return [
        one
        for one in specimens()
        if not one.without and settings_of(one.script) == Settings() and one.name not in OUR_WAY
        and not one.script.answers("rcpt")
        and ("auth" in one.script.words("offer")) == ("clear-auth" in one.script.words("offer"))
    ]  # fmt: skip


def judge(specimen: Specimen, port: int, delivered: list[Delivered]) -> str:
    """Nothing where the session held, else the first thing that did not."""
    delivered.clear()
    played = play(specimen.script, Playing("127.0.0.1", port, by_class=True, timeout_s=PATIENCE_S))
    try:
        # nothing may arrive during the next session
        eventually(lambda: len(_mail(delivered)) >= played.n_taken, ARRIVAL_S)
        if upstream_of(specimen.script) and not played.faults:
            check_upstream(specimen.script, _mail(delivered))
    except AssertionError:
        return "taken, but what arrives upstream is not what must"
    return "".join(played.faults[:1])


def _mail(delivered: list[Delivered]) -> list[Delivered]:
    """What was delivered, without a server's own reports: who asks Postfix for NOTIFY=SUCCESS gets one (X3)."""
    return [one for one in delivered if path_of(one) or b"multipart/report" not in one.content]


def score(name: str, server: Server, cannot: Callable[[Script], bool] = lambda script: False) -> Score:
    """Play all that can be compared to one server."""
    results: dict[str, str | None] = {}
    with server() as (port, delivered):
        for one in comparable():
            results[one.name] = None if cannot(one.script) else judge(one, port, delivered)
    return Score(name, results)


def _offers(*words: str) -> Callable[[Script], bool]:
    return lambda script: bool(set(words) & set(script.words("offer")))


@contextlib.contextmanager
def ours() -> Iterator[tuple[int, list[Delivered]]]:
    """relay365 as it stands, with a sink behind it."""
    with tempfile.TemporaryDirectory() as folder, relay_for(Settings(), Path(folder)) as (relay, sink):
        yield relay.port, sink.delivered


@contextlib.contextmanager
def postfix() -> Iterator[tuple[int, list[Delivered]]]:
    """Postfix with its own defaults and STARTTLS, with a sink behind it. It has no logins of its own."""
    with tempfile.TemporaryDirectory() as name, Sink() as sink:
        folder, port = Path(name), _free_port()
        chain, key = own_certificate(folder, ["localhost"], SystemClock().now())
        settings = {
            "relayhost": f"[127.0.0.1]:{sink.address.rpartition(':')[2]}",
            "smtpd_tls_cert_file": str(chain), "smtpd_tls_key_file": str(key), "smtpd_tls_security_level": "may",
        }  # fmt: skip
        with Postfix(folder / "postfix", settings, port):
            yield port, sink.delivered


@contextlib.contextmanager
def aiosmtpd() -> Iterator[tuple[int, list[Delivered]]]:
    """aiosmtpd with STARTTLS and logins in clear; what it takes counts as delivered."""

    def check(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        known = LoginPassword(b"scan", b"secret")
        return AuthResult(success=data == known, handled=False, auth_data=data)

    sink = Sink()
    with tempfile.TemporaryDirectory() as name:
        chain, key = own_certificate(Path(name), ["localhost"], SystemClock().now())
        controller = Controller(
            sink, hostname="127.0.0.1", port=_free_port(), authenticator=check, auth_require_tls=False,
            tls_context=server_context(chain, key), require_starttls=False, enable_SMTPUTF8=True,
        )  # fmt: skip
        controller.start()
        try:
            yield controller.port, sink.delivered
        finally:
            controller.stop()


def main() -> None:
    """Print the comparison as the page has it."""
    scores = [score("relay365", ours), score("aiosmtpd", aiosmtpd)]
    if PACKAGE.exists():
        scores.append(score("Postfix", postfix, _offers("auth")))
    out = sys.stdout
    out.write(
        "| session | " + " | ".join(one.name for one in scores) + " |\n" + "|---" * len(scores) + "|---|\n"
    )
    for specimen in comparable():
        cells = [one.results[specimen.name] for one in scores]
        if any(cells):
            said = ["not asked" if cell is None else cell.replace("|", "/") or "yes" for cell in cells]
            out.write(f"| {specimen.name} | " + " | ".join(said) + " |\n")
    out.write("| all | " + " | ".join(one.text for one in scores) + " |\n")


if __name__ == "__main__":
    main()
