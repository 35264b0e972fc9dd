"""Heard: what is known of one client since the service began, and how it is written down.

Apart from the box, which keeps many of them in bounds: this is one client's counts and its last sessions. (rules.client
says what may be done by whoever it is; this says what it did.)
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from relay365.engine.blackbox.archive import Order
from relay365.engine.blackbox.dialogue import OUT, lines_on
from relay365.engine.blackbox.reading import Story, reading_of
from relay365.engine.blackbox.recording import Recording

DAY_S = 86_400
MOST_NAMES = 10  # of those that one client gives itself


class Heard:
    """One client. earlier and shown belong to whoever writes; everything else to the loop."""

    def __init__(self, key: str, most_sessions: int) -> None:
        self.key = key
        self.counts: Counter[str] = Counter()
        self.tolerated: Counter[str] = Counter()
        self.n_today, self._day = 0, 0
        self.sessions: deque[Recording] = deque(maxlen=most_sessions)
        self.learned: Counter[str] = Counter()
        self.names: set[str] = set()
        self.piece = ""
        self.order: Order | None = None
        self.earlier: dict[str, Any] | None = None
        self._shown: dict[Recording, tuple[int, dict[str, Any]]] = {}

    def take(self, recording: Recording, now: float) -> None:
        """A session of it is over."""
        tally = recording.tally
        self.counts["messages"] += tally.n_accepted
        self.counts["refused"] += tally.n_refused
        self.counts["pieces"] += tally.n_pieces
        self.piece = tally.piece or self.piece
        if recording.facts is not None and recording.facts.helo and len(self.names) < MOST_NAMES:
            self.names.add(recording.facts.helo.lower())
        if int(now // DAY_S) != self._day:
            self._day, self.n_today = int(now // DAY_S), 0
        self.n_today += tally.n_accepted
        if tally.tolerated:
            self.tolerated.update(tally.tolerated)
        if recording.is_learning:
            self.learned.update(tally.tolerated)
            self.counts["learned"] += 1

    def learns(self, order: Order) -> None:
        """An order concerns it; what an earlier one has taught is forgotten."""
        if self.order is None or self.order.began_at != order.began_at:
            self.order = order
            self.learned.clear()
            self.counts["learned"] = 0

    def counted(self) -> dict[str, Any]:
        """The counts as they are now, to be written."""
        order = self.order
        learning = {
            "began_at": order.began_at,
            "until_at": order.until_at,
            "sessions": self.counts["learned"],
            "tolerated": dict(self.learned),
        } if order else None  # fmt: skip
        return {
            "sessions_heard": self.counts["sessions"],
            "messages": self.counts["messages"],
            "messages_today": self.n_today,
            "day": self._day,
            "refused": self.counts["refused"],
            "tolerated": dict(self.tolerated),
            "pieces": self.counts["pieces"],
            "piece": self.piece,
            "names": sorted(self.names),
            "learning": learning,
        }

    def written(self, counted: dict[str, Any], recordings: list[Recording]) -> dict[str, Any]:
        """What stands in its file: these counts, on top of what the file said when the service began."""
        earlier = self.earlier or {}
        self._shown = {one: self._show(one) for one in recordings}
        sessions = [*earlier.get("sessions", ()), *(shown for _, shown in self._shown.values())]
        for one in [one for one in recordings if not one.reason]:
            del self._shown[one]  # it goes on
        latest = recordings[-1]
        facts, client = latest.facts, latest.client
        return {
            "client": self.key,
            "device": client.device,
            "address": facts.peer_address if facts else "",
            "listener": facts.listener if facts else "",
            "helo": facts.helo if facts else "",
            "login": facts.login if facts else "",
            "tls": facts.tls if facts else "",
            "rule": client.mark,
            "rule_name": client.name,
            "sender": next((one.tally.reverse_path for one in reversed(recordings) if one.tally.reverse_path), "")
            or earlier.get("sender", ""),
            "first_heard_at": earlier.get("first_heard_at", recordings[0].began_at),
            "last_heard_at": latest.began_at,
            **_sum(counted, earlier),
            "reading": sessions[-1]["reading"],
            "sessions": sessions[-(self.sessions.maxlen or 1) :],
        }  # fmt: skip

    def _show(self, recording: Recording) -> tuple[int, dict[str, Any]]:
        """What was made of a session before, where nothing has come since; with its number of attempts."""
        n_attempts = recording.tally.n_attempts
        known = self._shown.get(recording)
        return known if known is not None and known[0] == n_attempts else (n_attempts, as_object(recording))


def as_object(recording: Recording) -> dict[str, Any]:
    """One session as it is written."""
    story = Story.of(recording)
    facts, tally = recording.facts, recording.tally
    return {
        "session": f"{int(recording.began_at * 1000):x}-{facts.peer_port if facts else 0}",
        "began_at": recording.began_at,
        "ended": bool(recording.reason),
        "peer": f"{facts.peer_address}:{facts.peer_port}" if facts else "",
        "listener": facts.listener if facts else "",
        "tls": facts.tls if facts else "",
        "login": facts.login if facts else "",
        "messages": tally.n_accepted,
        "ids": list(tally.spool_ids),
        "refused": tally.n_refused,
        "tolerated": dict(tally.tolerated),
        "reading": reading_of(story),
        "lines": [[line.ms, line.who, line.text] for line in story.lines],
        "attempts": [
            {
                "id": one.spool_id,
                "lines": [list(line[:3]) for line in lines_on(one.tape, recording.began_mono, OUT)],
            }
            for one in list(tally.attempts)
        ],
    }


def _sum(counted: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """Counts since the start and those before it together."""
    same_day = earlier.get("day") == counted["day"]
    return {
        **counted,
        "sessions_heard": counted["sessions_heard"] + earlier.get("sessions_heard", 0),
        "messages": counted["messages"] + earlier.get("messages", 0),
        "messages_today": counted["messages_today"] + (earlier.get("messages_today", 0) if same_day else 0),
        "refused": counted["refused"] + earlier.get("refused", 0),
        "tolerated": dict(Counter(earlier.get("tolerated", {})) + Counter(counted["tolerated"])),
        "pieces": counted["pieces"] + earlier.get("pieces", 0),
        "piece": counted["piece"] or earlier.get("piece", ""),
        "names": sorted({*counted["names"], *earlier.get("names", ())})[:MOST_NAMES],
        "learning": counted["learning"] or earlier.get("learning"),
    }


def closed(client: dict[str, Any]) -> dict[str, Any]:
    """What a file says, after the service that wrote it has ended: no session of it goes on."""
    for session in client.get("sessions", ()):
        if not session["ended"]:
            session["ended"], session["reading"] = True, "was open when the relay ended"
    return client
