"""The house of a server transcript: its offers, limits, logins and answers, and what it has accepted."""

from __future__ import annotations

from dataclasses import dataclass

from relay365.errors import SpoolError, SpoolFull
from relay365.mail.envelope import Envelope
from relay365.mail.status import Reply
from relay365.mail.tolerance import DEFAULT
from relay365.smtp.offers import Limits, Offers
from transcript.script import End, Script

HOST = "relay.test"


@dataclass
class Accepted:
    """One accepted message. with_ is the word of the Received line; None where the player cannot know it."""

    envelope: Envelope
    content: bytes
    helo: str
    login: str
    with_: str | None = None


class House:
    """Settings and answers of one script."""

    def __init__(self, script: Script) -> None:
        self._answers = {topic: script.answers(topic) for topic in ("mail", "rcpt", "data", "dot")}
        self.users = dict(user.split(" ", 1) for user in script.answers("user"))
        self.login = "".join(script.answers("login")) or "optional"
        self.connect = next(map(reply_of, script.answers("connect")), None)
        words = script.words("offer")
        sizes = [int(word.removeprefix("size=")) for word in words if word.startswith("size=")]
        mechanisms = ("PLAIN", "LOGIN") * ("auth" in words) + ("XOAUTH2",) * ("xoauth2" in words)
        tolerances = set(DEFAULT)
        for word in script.words("tolerate"):
            (tolerances.discard if word.startswith("-") else tolerances.add)(word.lstrip("+-"))
        self.offers = Offers(
            HOST, sizes[0] if sizes else 1_000_000, frozenset(tolerances), starttls="starttls" in words,
            mechanisms=mechanisms, auth_without_tls="clear-auth" in words, xclient="xclient" in words,
            sender="".join(script.answers("sender")),
        )  # fmt: skip
        numbers = dict(word.split("=") for word in script.words("limit"))
        self.limits = Limits(login_delay_s=0.0, **{name: int(value) for name, value in numbers.items()})

    def answer(self, topic: str) -> Reply | None:
        """The next answer to a topic; None means yes."""
        waiting = self._answers[topic]
        text = waiting.pop(0) if waiting else "ok"
        return None if text == "ok" else reply_of(text)

    @property
    def takes_empty_login(self) -> bool:
        """Whether a login without name and password is let through."""
        return self.login == "optional" and "empty_login" in self.offers.tolerances

    def is_right(self, identity: str, secret: str) -> bool:
        """Whether a login is known."""
        return self.users.get(identity) == secret


def reply_of(text: str) -> Reply:
    """`550 5.7.1 No` as a Reply."""
    code, status, words = text.split(" ", 2)
    return Reply.of(int(code), status, words)


def spool_error_of(reply: Reply) -> SpoolError:
    """What a spool raises to make a session say this."""
    return (SpoolFull if reply.code == 452 else SpoolError)("as the transcript asks")


def check_accepted(script: Script, accepted: list[Accepted]) -> None:
    """The house holds exactly what the script's => lines say, in their order."""
    ends = [end for end in script.ends if end.word == "accepted"]
    assert len(ends) == len(accepted), f"{script.name}: {accepted}"
    for end, one in zip(ends, accepted, strict=True):
        facts = _facts(one)
        assert end.pairs == {name: facts.get(name, wanted) for name, wanted in end.pairs.items()}, script.name
        assert end.content in (None, one.content), f"{script.name}: {one.content!r}"


def _facts(one: Accepted) -> dict[str, str]:
    envelope = one.envelope
    paths = envelope.forward_paths
    facts = {
        "from": f"<{envelope.reverse_path}>",
        "to": ",".join(f"<{path.address}>" for path in paths),
        "octets": str(len(one.content)),
        "body": envelope.body,
        "smtputf8": "yes" if envelope.smtputf8 else "no",
        "ret": envelope.ret or "none",
        "envid": envelope.envid or "none",
        "notify": "/".join(path.notify or "none" for path in paths),
        "orcpt": "/".join(path.orcpt or "none" for path in paths),
        "helo": one.helo or "none",
        "login": one.login or "none",
    }
    if one.with_ is not None:
        facts["with"] = one.with_
    return facts


def check_pairs_known(end: End) -> None:
    """A misspelt pair would never be compared."""
    known = {*_facts(Accepted(Envelope("", ()), b"", "", "", "")), "with"}
    assert set(end.pairs) <= known, end
