"""Where the zoo's sessions are played: the machine alone, a live listener, and a relay in front of a sink.

Which of these a session needs is written in it: `? at relay` and `=> upstream` ask for the relay alone, whose
configuration is the plain one with the session's `? server`, `? allow`, `? listener` and `? config` lines; every
session whose mail is taken is played there besides, so that what arrives is seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from devices import octets
from e2e.house import Delivered, Relay, Sink, eventually
from relay365.mail.tolerance import BY_NAME
from relay365.trial.zoo.cages import Specimen
from relay365.trial.zoo.play import Playing, play
from relay365.trial.zoo.script import End, Script

LONGEST_LINE = 998
PLACES = ("allow", "listener", "config", "server")
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
    words = {end.word for end in script.ends}
    return bool(script.answers("at")) or ("upstream" in words and "accepted" not in words)


def arrives(script: Script) -> bool:
    """Whether a message of this session is taken, so that it must be seen at the next hop, or waiting for a person."""
    return any(end.word in ("accepted", "upstream", "held") for end in script.ends)


class Settings(NamedTuple):
    """The lines that a session adds to the plain configuration, and the logins: `name password`."""

    allow: str = ""
    listener: str = ""
    config: str = ""
    server: str = ""
    users: tuple[str, ...] = ("scan secret",)


def settings_of(script: Script) -> Settings:
    """What a relay must be set to for a session; what it says of the house of the tests is said in our own keys.

    `? at relay alone` asks for a relay that has not heard from this address before.
    """
    allow, listener, config, server = (list(script.answers(topic)) for topic in PLACES)
    allow += [f'sender = "{address}"' for address in script.answers("sender")]
    tolerate = [word for word in script.words("tolerate") if BY_NAME[word[1:]].is_on != word.startswith("+")]
    if tolerate and "[tolerate]" not in config:
        config += ["[tolerate]", *(f"{word[1:]} = {str(word[0] == '+').lower()}" for word in tolerate)]
    if "alone" in script.words("at"):
        config.insert(0, f"# {script.name}")
    users = tuple(script.answers("user"))
    if not (users or allow or listener or config or server):
        return Settings()
    return Settings(*("\n".join(lines) for lines in (allow, listener, config, server)), users)


@contextlib.contextmanager
def relay_for(settings: Settings, folder: Path) -> Iterator[tuple[Relay, Sink]]:
    """A relay with these lines in front of a sink, with the logins that they name."""
    with Sink() as sink:
        given = {place: getattr(settings, place) for place in PLACES}
        relay = Relay(folder, PLAIN.format(host=sink.address, **given))
        for user in settings.users:
            name, password = user.split(" ", 1)
            added = relay.command("user", "add", name, "--password-stdin", stdin=f"{password}\n")
            assert added.returncode == 0, added.stderr
        with relay:
            yield relay, sink


def check_at_relay(specimen: Specimen, relay: Relay, sink: Sink) -> None:
    """The relay answers as written, and the sink hears what must arrive, to the octet, and nothing else."""
    script = specimen.script
    sink.delivered.clear()
    played = play(script, Playing("127.0.0.1", relay.port, timeout_s=PATIENCE_S))
    assert [] == played.faults

    ends, words = upstream_of(script), [end.word for end in script.ends]
    n_held = words.count("held")
    assert (words.count("accepted") or len(ends)) + n_held == played.n_taken
    if n_held:
        eventually(lambda: n_held == sum(one["state"] == "held" for one in relay.queue()))
    if ends:
        eventually(lambda: len(sink.delivered) >= len(ends))
    check_upstream(script, sink.delivered)
    check_octets(script, sink.delivered)


def upstream_of(script: Script) -> list[End]:
    """What the next hop must hear of a session: what it says of that, else all that was accepted."""
    told = [end for end in script.ends if end.word == "upstream"]
    return told or [end for end in script.ends if end.word == "accepted"]


def check_upstream(script: Script, delivered: list[Delivered]) -> None:
    """The envelopes are the written ones, the contents hold and lack what is written, and no line is too long."""
    ends = upstream_of(script)
    assert len(ends) == len(delivered)
    for end, one in zip(ends, delivered, strict=True):
        heard: dict[str, str] = {
            "from": f"<{path_of(one)}>",
            "to": ",".join(f"<{address}>" for address in one.recipients),
            "recipients": str(len(one.recipients)),
        }
        lines = [line.decode("utf-8", "backslashreplace") for line in one.content.split(b"\r\n")]
        missing = [text for text in end.holds if not any(line.startswith(text) for line in lines)]
        unwanted = [text for text in end.lacks if any(line.startswith(text) for line in lines)]
        too_long = [len(line) for line in lines if len(line) > LONGEST_LINE]

        assert {name: text for name, text in end.pairs.items() if name in heard} == {
            name: heard[name] for name in end.pairs if name in heard
        }
        assert ([], [], []) == (missing, unwanted, too_long)
    if any(
        "recipients" in end.pairs for end in ends
    ):  # a message in several: each recipient is in one of them
        reached = [address for one in delivered for address in one.recipients]
        assert len(set(reached)) == len(reached)


def path_of(one: Delivered) -> str:
    """The envelope's sender; aiosmtpd says the null path as `<>`."""
    return one.reverse_path.strip("<>")


def check_octets(script: Script, delivered: list[Delivered]) -> None:
    """What arrives is what the device sent, octet by octet, but for what docs/repair.md says (octets.undone)."""
    sent = octets.sent_by(script)
    for n, (end, one) in enumerate(zip(upstream_of(script), delivered, strict=True)):
        whole = sent[min(n, len(sent) - 1)] if end.content is None else end.content
        if end.decoded is None:
            assert whole == octets.undone(one.content, whole, path_of(one))
        else:
            octets.check_decoded(one.content, whole, path_of(one), end)
