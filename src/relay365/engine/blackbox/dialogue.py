"""Dialogue: the octets of a recording as lines for people, with every secret cut out.

Only what is known to be no secret is shown: names and addresses behind the verbs that have them, of other commands the
verb, of AUTH the mechanism, of our own web requests all but the query. A device that says its password where none was
asked for shows no more than its number of octets. Pure, and apart from the recording because it runs in a thread of its
own, when the session is over.
"""

from __future__ import annotations

from typing import NamedTuple

from relay365.engine.blackbox.recording import Entry, Kind, Recording, Tape

MOST_CHARACTERS = 400
SLOW_MS = 2000  # a content that took longer is shown with its rate
_SHOWN = frozenset(("EHLO", "HELO", "MAIL", "RCPT", "XCLIENT"))
_SHOWN_ALONE = frozenset(("DATA", "RSET", "NOOP", "QUIT", "HELP", "VRFY", "EXPN", "STARTTLS"))
_MECHANISMS = frozenset(
    (
        "PLAIN",
        "LOGIN",
        "XOAUTH2",
        "OAUTHBEARER",
        "CRAM-MD5",
        "DIGEST-MD5",
        "NTLM",
        "GSSAPI",
        "EXTERNAL",
        "ANONYMOUS",
    )
)
_WEB = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS"))
TLS_HELLO = "(a TLS hello)"
SSL2_HELLO = "(an SSLv2 hello)"
WEB_REQUEST = "(a web request)"

CLIENT, RELAY, NOTE = "client", "relay", "note"
OUT, REMOTE = "out", "remote"  # of the other leg: we, and the next hop


class Line(NamedTuple):
    """One line of a transcript. ms: since connect; who: client, relay or note, or out and remote on the other leg.

    verb: of a client's command.
    """

    ms: int
    who: str
    text: str
    verb: str = ""


def lines_of(recording: Recording) -> list[Line]:
    """The transcript of a recording; may be asked while it goes on."""
    return lines_on(recording.tape, recording.began_mono, CLIENT)


def lines_on(tape: Tape, began_mono: float, who: str) -> list[Line]:
    """The transcript on a tape; who gives the commands, the secrets and the content."""
    writer = _Writer(began_mono, who)
    for n, entry in enumerate(tape.entries()):
        if n == tape.split_at and tape.n_left_out:
            writer.note(entry.mono, f"({tape.n_left_out} pieces are left out here)")
        writer.take(entry)
    writer.finish()
    return writer.lines


class _Writer:
    """Joins octets to lines in their order."""

    def __init__(self, began_mono: float, who: str) -> None:
        self.lines: list[Line] = []
        self._began_mono, self._who = began_mono, who
        self._part = b""  # a line that has not ended yet
        self._part_ms = 0

    def take(self, entry: Entry) -> None:
        """One entry of the tape."""
        ms = self._ms(entry.mono)
        match entry.kind:
            case Kind.HEARD | Kind.COMMAND:
                self._heard(ms, entry)
            case Kind.SECRET:
                n_octets, self._part = len(self._part) + entry.n_octets, b""
                self._add(ms, self._who, f"(secret, {n_octets} octets)", "(secret)")
            case Kind.CONTENT:
                self._add(
                    ms, self._who, f"(content, {entry.n_octets} octets{self._rate(ms, entry.n_octets)})", "."
                )
            case Kind.HEAD:
                for line in entry.octets.splitlines():
                    self._add(ms, CLIENT, f"| {printable(line)}")
            case Kind.SAID:
                for line in entry.octets.splitlines():
                    self._add(ms, RELAY, printable(line))
            case Kind.REPLY:
                for line in entry.octets.splitlines():
                    self._add(ms, REMOTE, printable(line))
            case Kind.NOTE:
                self._add(ms, NOTE, printable(entry.octets))

    def note(self, mono: float, text: str) -> None:
        """A remark of ours."""
        self._add(self._ms(mono), NOTE, text)

    def finish(self) -> None:
        """What was half said."""
        if self._part:
            shown = hello_of(self._part) or f"(a line of {len(self._part)} octets without an end)"
            self._add(self._part_ms, self._who, shown, shown)
            self._part = b""

    def _heard(self, ms: int, entry: Entry) -> None:
        *lines, rest = (self._part + entry.octets).split(b"\n")
        if hello_of(self._part + entry.octets):
            lines, rest = [], self._part + entry.octets
        for line in lines:
            text, verb = show(line, is_ours=entry.kind is Kind.COMMAND)
            self._add(ms, self._who, text, verb)
        self._part, self._part_ms = rest, ms
        if entry.n_octets > len(entry.octets):
            self._part = b""
            self._add(ms, NOTE, f"({entry.n_octets - len(entry.octets)} octets more are left out)")

    def _rate(self, ms: int, n_octets: int) -> str:
        """Of a content that came slowly, as from a scanner that sends while it scans."""
        began_ms = next((one.ms for one in reversed(self.lines) if not _is_of_content(one)), ms)
        took_ms = ms - began_ms
        return (
            f" in {took_ms / 1000:.0f} s, {n_octets * 1000 // took_ms} a second" if took_ms > SLOW_MS else ""
        )

    def _ms(self, mono: float) -> int:
        return max(0, round((mono - self._began_mono) * 1000))

    def _add(self, ms: int, who: str, text: str, verb: str = "") -> None:
        self.lines.append(Line(ms, who, text, verb))


def _is_of_content(line: Line) -> bool:
    """Whether a line stands in a content: what was said of it while it came, and its head."""
    return line.who == NOTE or (line.who == CLIENT and line.text.startswith("| "))


def show(line: bytes, *, is_ours: bool = False) -> tuple[str, str]:
    """(what may be shown of a command line, its verb). The line comes without its LF; a CR that is missing is told.

    is_ours: we said it to a next hop, which may be one of the web.
    """
    how = "" if line.endswith(b"\r") else "  (ends in LF alone)"
    line = line.removesuffix(b"\r")
    words = line.split(None, 1)
    if not words:
        return f"(an empty line){how}", "(empty)"
    verb = words[0].decode("ascii", "replace").upper()
    if verb in _SHOWN or verb.startswith(("MAIL:", "RCPT:")):
        return printable(line) + how, verb
    if verb in _SHOWN_ALONE:
        argument = f" ({len(words[1].rstrip())} octets)" if len(words) > 1 else ""
        return verb + argument + how, verb
    if verb == "AUTH":
        return _show_auth(words[1] if len(words) > 1 else b"") + how, verb
    if verb in _WEB:
        return (printable(line.partition(b"?")[0]), verb) if is_ours else (WEB_REQUEST, WEB_REQUEST)
    return f"(a line of {len(line)} octets that is no command){how}", "(unknown)"


def _show_auth(argument: bytes) -> str:
    mechanism, _, initial = argument.strip().partition(b" ")
    name = mechanism.decode("ascii", "replace").upper()
    if name not in _MECHANISMS:
        return f"AUTH (secret, {len(argument.strip())} octets)"
    return f"AUTH {name} (secret, {len(initial.strip())} octets)" if initial.strip() else f"AUTH {name}"


def hello_of(octets: bytes) -> str:
    """The words for the first octets of a client that begins TLS where none was agreed on; "" for all else."""
    if octets[:2] == b"\x16\x03":
        return TLS_HELLO
    if len(octets) > 2 and octets[0] & 0x80 and octets[2] == 1:
        return SSL2_HELLO
    return ""


def printable(octets: bytes) -> str:
    """Octets from outside, fit for a terminal and a file: control characters become "?", long lines are cut."""
    text = octets[: MOST_CHARACTERS + 1].decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(octets) <= MOST_CHARACTERS else f"{shown[:MOST_CHARACTERS]}..."
