"""The faults that a thousand messages meet: what a few do not show, such as answers that differ by recipient.

Data only; the runner is test_thousands.py, and docs/outcomes.md shows what it saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stories.faults import GRAPH, SUBMISSION

Healed = Literal["by itself", "restart", "host named"]
FAST = "per_minute = 100000\n"
SMTP_FAST = SUBMISSION + FAST + "connections = 3\n"
GRAPH_FAST = GRAPH + FAST + "connections = 4\n"
SMTP_TRACED = SMTP_FAST + 'graph_endpoint = "{graph}"\ntrace = true\n'
IN_DRAFTS = GRAPH_FAST + 'mime_limit = "100"\n'
SILENT_GRAPH = GRAPH_FAST.replace("{graph}", "https://{silent}")
"""Roads, with the facts of emulator.json to be filled in; silent: a host that accepts and never says a word."""


@dataclass(frozen=True)
class Thousand:
    """One fault. told, moods, road, healed, of_lane and told_s as in faults.Fault.

    n_to: recipients of each message. fails: how many of all recipients fail, and rightly so, with a reply that begins
    as `final`; reports: how many messages that makes whose sender must be told. twice: how many deliveries may come
    twice. patience_s: of the relay after a final dot, 0.0 for its own. unknown: words that no row knows and that
    `explain --unknown` must list. also: another row that the log must name. asked: requests that the emulator must have
    counted.
    """

    name: str
    told: str
    moods: tuple[dict[str, Any], ...]
    road: str = SMTP_FAST
    healed: Healed = "by itself"
    of_lane: bool = False
    told_s: float = 120.0
    n_to: int = 1
    fails: int = 0
    final: str = ""
    reports: int = 0
    twice: int = 0
    patience_s: float = 0.0
    unknown: str = ""
    also: str = ""
    asked: str = ""


SILENCE = {"name": "lie", "how": "silence", "count": 2}
BUSY = "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded"
TOO_BIG = "550 5.2.3 RESOLVER.RST.SendSizeLimit.Sender; message too large for this sender"

THOUSANDS = (
    Thousand(
        "of three recipients one gets 550 5.1.1 and one 452 4.5.3, in 200 of 1,000",
        "no-such-recipient",
        (
            {"name": "mixed", "every": 3, "count": 200, "text": "550 5.1.1 User unknown"},
            {"name": "few", "most": 1, "count": 200, "text": "452 4.5.3 Too many recipients (AS780090)"},
        ),
        n_to=3,
        fails=200,
        final="550 5.1.1",
        reports=200,
    ),
    Thousand(
        "of three recipients one gets 432 4.3.2 recipient thread limit, in 200 of 1,000",
        "recipient-busy",
        ({"name": "mixed", "every": 3, "count": 200, "text": BUSY},),
        n_to=3,
    ),
    Thousand(
        "dot: 550 5.2.3 to ten messages",
        "message-too-big-resolver",
        ({"name": "reply", "at": "dot", "text": TOO_BIG, "count": 10},),
        fails=10,
        final="550 5.2.3",
        reports=10,
    ),
    Thousand("hangs after the dot, twice", "no-answer-after-dot", (SILENCE,), twice=2, patience_s=15.0),
    Thousand(
        "hangs after the dot, twice, and the trace may be asked",
        "no-answer-after-dot",
        (SILENCE,),
        road=SMTP_TRACED,
        patience_s=15.0,
        also="found-in-trace",
        asked="GET trace",
    ),
    Thousand(
        "graph: 400 that nobody knows, to ten messages",
        "",
        ({"name": "graph-outage", "status": 400, "retry_after": "none", "at": "sendMail", "count": 10},),
        road=GRAPH_FAST,
        fails=10,
        final="400 BadRequest",
        reports=10,
        unknown="400 BadRequest",
    ),
    Thousand(
        "graph: the JSON of a draft breaks off, three times",
        "connection-broken",
        ({"name": "graph-answer", "how": "truncated", "at": "draft", "count": 3},),
        road=IN_DRAFTS,
    ),
    Thousand(
        "graph: sendMail is never answered, twice",
        "no-answer-after-dot",
        ({"name": "graph-answer", "how": "silence", "at": "sendMail", "count": 2},),
        road=GRAPH_FAST,
        twice=2,
        patience_s=15.0,
    ),
    Thousand(
        "graph: connections are accepted, and never a word",
        "tls-broken",
        (),
        road=SILENT_GRAPH,
        healed="host named",
        of_lane=True,
    ),
    Thousand(
        "token service: requests are accepted, and never a word",
        "token-busy",
        ({"name": "token-answer", "how": "silence"},),
        healed="restart",
        of_lane=True,
    ),
)
"""What six messages cannot show: who gets what, and that nobody else waits for the two that hang."""
