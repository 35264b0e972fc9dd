"""Where the zoo's sessions are played: the machine alone, a live listener, and a relay in front of a sink.

Which of these a session needs is written in it: `? at relay` and `=> upstream` ask for the relay, whose configuration
is the plain one with the session's `? allow`, `? listener` and `? config` lines.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from e2e.house import Delivered, Relay, Sink, eventually
from relay365.trial.zoo.cages import Specimen
from relay365.trial.zoo.play import Playing, play
from relay365.trial.zoo.script import End, Script

LONGEST_LINE = 998
PATIENCE_S = 6.0  # more than a TLS port waits for a handshake
PLAIN = """
[server]
data = "./data"
{server}
[[listener]]
address = "127.0.0.1:0"
{listener}
[[allow]]
network = "127.0.0.0/8"
{allow}
[[route]]
kind = "smarthost"
host = "{host}"
tls = "none"
{config}
"""


def needs_relay(script: Script) -> bool:
    """Whether the machine and a listener alone cannot show what this session claims."""
    return bool(script.answers("at")) or any(end.word == "upstream" for end in script.ends)


def settings_of(script: Script) -> tuple[str, str, str]:
    """(allow, listener, config): the lines that a session adds to the plain configuration.

    `? at relay alone` asks for a relay that has not heard from this address before.
    """
    allow, listener, config = ("\n".join(script.answers(topic)) for topic in ("allow", "listener", "config"))
    if "alone" in script.words("at"):
        config = f"# {script.name}\n{config}"
    return allow, listener, config


@contextlib.contextmanager
def relay_for(settings: tuple[str, str, str], folder: Path) -> Iterator[tuple[Relay, Sink]]:
    """A relay with these lines in front of a sink, with the login of the zoo."""
    allow, listener, config = settings
    with Sink() as sink:
        text = PLAIN.format(host=sink.address, allow=allow, listener=listener, config=config, server="")
        relay = Relay(folder, text)
        added = relay.command("user", "add", "scan", "--password-stdin", stdin="secret\n")
        assert added.returncode == 0, added.stderr
        with relay:
            yield relay, sink


def check_at_relay(specimen: Specimen, relay: Relay, sink: Sink) -> None:
    """The relay answers as written, and the sink hears what must arrive, and nothing else."""
    script = specimen.script
    sink.delivered.clear()
    played = play(script, Playing("127.0.0.1", relay.port, timeout_s=PATIENCE_S))
    assert [] == played.faults

    ends, n_held = upstream_of(script), sum(end.word == "held" for end in script.ends)
    assert len(ends) + n_held == played.n_taken
    if n_held:
        eventually(lambda: n_held == sum(one["state"] == "held" for one in relay.queue()))
    if ends:
        eventually(lambda: len(sink.delivered) >= len(ends))
    check_upstream(script, sink.delivered)


def upstream_of(script: Script) -> list[End]:
    """What the next hop must hear of a session."""
    return [end for end in script.ends if end.word == "upstream"]


def check_upstream(script: Script, delivered: list[Delivered]) -> None:
    """The envelopes are the written ones, the contents hold and lack what is written, and no line is too long."""
    ends = upstream_of(script)
    assert len(ends) == len(delivered)
    for end, one in zip(ends, delivered, strict=True):
        heard = {
            "from": f"<{one.reverse_path}>",
            "to": ",".join(f"<{address}>" for address in one.recipients),
        }
        lines = [line.decode("utf-8", "backslashreplace") for line in one.content.split(b"\r\n")]
        missing = [text for text in end.holds if not any(line.startswith(text) for line in lines)]
        unwanted = [text for text in end.lacks if any(line.startswith(text) for line in lines)]
        too_long = [len(line) for line in lines if len(line) > LONGEST_LINE]

        assert end.pairs == {name: heard[name] for name in end.pairs}
        assert ([], [], []) == (missing, unwanted, too_long)
