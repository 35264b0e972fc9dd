"""The client side of SMTP as a machine: commands and content in, octets out; octets in, replies out.

Commands may be queued without waiting (RFC 2920); each reply comes back with the phase it belongs to, and the phase
names the deadline to use. past_the_dot is exact: it is raised when the last octet of the final dot's line has been
handed over and falls with its reply; a connection lost in between means that nobody knows who has the message.
A 250 that came before the dot went out cannot be its reply, and is not believed. A content in chunks has no dot: the
last octet of the last chunk is in its place, and each chunk before it has a reply of its own.
(RFC 5321 4.2, 4.5.3.2; RFC 3030; RFC 3207; RFC 4954; RFC 3461)
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

from relay365.errors import LocalProtocolError, RemoteProtocolError
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.status import EnhancedStatus, Reply
from relay365.smtp import sasl
from relay365.smtp.events import Signal
from relay365.smtp.framing import ContentEncoder, LineBuffer, OverlongLine

MAX_REPLY_LINE_OCTETS = 4096  # RFC 5321 4.5.3.1.5 says 512; Exchange writes longer diagnostics
MAX_REPLY_LINES = 100

_LINE = re.compile(r"([2-5][0-9][0-9])(?:([ -])(.*))?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # half surrogates are no UTF-8


class Step(Enum):
    """What a reply answers; IDLE is a reply that nobody asked for (421 before a shutdown)."""

    GREETING = "greeting"
    EHLO = "ehlo"
    HELO = "helo"  # for who does not know EHLO; it offers nothing
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CHUNK = "chunk"  # any but the last one, whose reply is that of the dot
    DOT = "dot"
    RSET = "rset"
    QUIT = "quit"
    IDLE = "idle"


DEADLINE_S: dict[Step, float] = {  # RFC 5321 4.5.3.2.1 to .6; the others as Postfix has them
    Step.GREETING: 300.0,
    Step.EHLO: 300.0,
    Step.HELO: 300.0,
    Step.STARTTLS: 120.0,
    Step.AUTH: 120.0,
    Step.MAIL: 300.0,
    Step.RCPT: 300.0,
    Step.DATA: 120.0,
    Step.CHUNK: 180.0,
    Step.DOT: 600.0,
    Step.RSET: 20.0,
    Step.QUIT: 5.0,
    Step.IDLE: 0.0,
}
CONTENT_BLOCK_S = 180.0  # RFC 5321 4.5.3.2.5


@dataclass(frozen=True, slots=True)
class ReplyReceived:
    """One whole reply and the step it answers."""

    step: Step
    reply: Reply


class ClientSession:
    """One session of the client side. It begins by awaiting the greeting."""

    def __init__(self) -> None:
        self.features: dict[str, str] = {}
        self._in = LineBuffer()
        self._lines: list[str] = []
        self._expected: deque[Step] = deque([Step.GREETING])
        self._out: deque[bytes | memoryview] = deque()
        self._n_out = 0
        self._encoder: ContentEncoder | None = None
        self._sasl: list[bytes] | None = []
        self._secrets: tuple[str, ...] = ()  # what an answer to AUTH must not bring back
        self._dot_distance: int | None = None  # octets of the out-box up to the end of the final dot's line
        self._deaf = False
        self._too_early = False  # the remote had said something before the final dot was on its way

    def __repr__(self) -> str:
        waits = ",".join(step.value for step in self._expected) or "nothing"
        return f"<ClientSession awaits {waits}{' past the dot' if self.past_the_dot else ''}>"

    @property
    def expected(self) -> Step | None:
        """The step whose reply comes next."""
        return self._expected[0] if self._expected else None

    @property
    def is_confidential(self) -> bool:
        """Whether what is said and heard now belongs to a sign-in."""
        return Step.AUTH in self._expected

    @property
    def past_the_dot(self) -> bool:
        """Whether the whole message has been handed over and its reply has not come."""
        return self._dot_distance is not None and self._dot_distance <= 0

    def offers(self, keyword: str) -> bool:
        """Whether the last EHLO reply had this keyword."""
        return keyword in self.features

    def offers_auth(self, mechanism: str) -> bool:
        """Whether AUTH was offered with this mechanism."""
        return mechanism in self.features.get("AUTH", "").upper().split()

    # -- commands ---------------------------------------------------------------------------------------------

    def ehlo(self, name: str) -> None:
        """Say EHLO with our name."""
        self._command(Step.EHLO, f"EHLO {name}")

    def helo(self, name: str) -> None:
        """Say HELO with our name: whatever is answered, nothing is offered (RFC 5321 3.2)."""
        self._command(Step.HELO, f"HELO {name}")

    def starttls(self) -> None:
        """Ask for TLS; after a 220 nothing is read until tls_started() (RFC 3207 6, response injection)."""
        self._command(Step.STARTTLS, "STARTTLS")

    def auth_xoauth2(self, mailbox: str, token: str, *, one_step: bool = True) -> None:
        """AUTH XOAUTH2 with the response on the command line, or after the 334 (Microsoft accepts both)."""
        response = sasl.xoauth2_response(mailbox, token)
        self._auth("XOAUTH2", [response], token, one_step=one_step)

    def auth_plain(self, user: str, password: str) -> None:
        """AUTH PLAIN with an initial response."""
        self._auth("PLAIN", [sasl.plain_response(user, password)], password, one_step=True)

    def auth_login(self, user: str, password: str) -> None:
        """AUTH LOGIN, one answer per prompt."""
        self._auth("LOGIN", [sasl.encode(user), sasl.encode(password)], password, one_step=False)

    def mail(self, envelope: Envelope, size_octets: int) -> None:
        """MAIL with the parameters that the remote offers."""
        words = [f"MAIL FROM:<{envelope.reverse_path}>"]
        if self.offers("SIZE"):
            words.append(f"SIZE={size_octets}")
        if envelope.body != "7BIT" and self.offers(envelope.body):
            words.append(f"BODY={envelope.body}")
        if envelope.smtputf8 and self.offers("SMTPUTF8"):
            words.append("SMTPUTF8")
        if self.offers("DSN"):
            words += [f"RET={envelope.ret}"] * bool(envelope.ret) + [f"ENVID={envelope.envid}"] * bool(
                envelope.envid
            )
        self._command(Step.MAIL, " ".join(words))

    def rcpt(self, path: ForwardPath) -> None:
        """RCPT, with the DSN wishes where the remote offers DSN."""
        words = [f"RCPT TO:<{path.address}>"]
        if self.offers("DSN"):
            words += [f"NOTIFY={path.notify}"] * bool(path.notify) + [f"ORCPT={path.orcpt}"] * bool(
                path.orcpt
            )
        self._command(Step.RCPT, " ".join(words))

    def data(self) -> None:
        """DATA; content may follow only after its 354."""
        self._command(Step.DATA, "DATA")

    def content(self, block: bytes) -> None:
        """A block of the content (CRLF lines, not stuffed), cut anywhere."""
        if self._encoder is None:
            raise LocalProtocolError("content() without a 354")
        self._put(self._encoder.feed(block))

    def end_content(self) -> None:
        """The final dot. Without a content (every recipient refused, yet 354) it ends an empty message."""
        if self._encoder is None:
            raise LocalProtocolError("end_content() without a 354")
        self._put(self._encoder.finish())
        self._encoder = None
        self._dot_distance = self._n_out
        self._expected.append(Step.DOT)

    def chunk(self, block: bytes, *, is_last: bool = False) -> None:
        """BDAT: a piece of the content as it is. More may follow at once where PIPELINING is offered (RFC 3030 4.2)."""
        self._command(Step.DOT if is_last else Step.CHUNK, f"BDAT {len(block)}{' LAST' * is_last}")
        self._put(block)
        if is_last:
            self._dot_distance = self._n_out

    def rset(self) -> None:
        """End the transaction."""
        self._command(Step.RSET, "RSET")

    def quit(self) -> None:
        """End the session."""
        self._command(Step.QUIT, "QUIT")

    # -- octets -----------------------------------------------------------------------------------------------

    @property
    def n_to_send(self) -> int:
        """Octets in the out-box."""
        return self._n_out

    def octets_to_send(self, limit: int | None = None) -> bytes:
        """Hand over at most `limit` octets of the out-box; what is returned counts as sent."""
        octets = self._take_out(self._n_out if limit is None else limit)
        if self._dot_distance is not None and self._dot_distance > 0:
            self._dot_distance -= len(octets)
            if self._dot_distance <= 0:
                self._too_early = self._n_heard() >= len(self._expected)
        return octets

    def receive(self, octets: bytes) -> None:
        """Store octets; between a 220 to STARTTLS and tls_started() they are dropped."""
        if not self._deaf:
            self._in.feed(octets)

    def tls_started(self) -> None:
        """The handshake is done; the features of the plain session are forgotten (RFC 3207 4.2)."""
        self._deaf = False
        self._in.forget()
        self._lines.clear()
        self.features = {}

    def next_event(self) -> ReplyReceived | Signal:
        """The next whole reply; raises RemoteProtocolError for anything that is none."""
        while True:
            try:
                line = self._in.take_line(MAX_REPLY_LINE_OCTETS)
            except OverlongLine:
                raise RemoteProtocolError("reply line too long") from None
            if line is None:
                return Signal.NEED_OCTETS
            reply = self._take_reply_line(line)
            if reply is not None:
                event = self._assign(reply)
                if event is not None:
                    return event

    # -- inside -----------------------------------------------------------------------------------------------

    def _n_heard(self) -> int:
        """How many replies have come that were not taken yet; one that has only begun counts."""
        *lines, rest = self._in.peek().split(b"\n")
        is_begun = rest or (lines[-1][3:4] == b"-" if lines else self._lines)
        return sum(1 for line in lines if line[3:4] != b"-") + bool(is_begun)

    def _put(self, octets: bytes) -> None:
        self._out.append(octets)
        self._n_out += len(octets)

    def _take_out(self, limit: int) -> bytes:
        """Up to `limit` octets; a large block is cut, never copied as a whole."""
        pieces: list[bytes | memoryview] = []
        n_left = min(limit, self._n_out)
        self._n_out -= n_left
        while n_left:
            piece = self._out.popleft()
            if len(piece) > n_left:
                view = memoryview(piece)
                self._out.appendleft(view[n_left:])
                piece = view[:n_left]
            pieces.append(piece)
            n_left -= len(piece)
        return b"".join(pieces)

    def _command(self, step: Step, line: str) -> None:
        if _UNPRINTABLE.search(line):
            raise LocalProtocolError(f"control character in a command: {line!r}")
        self._put(line.encode("utf-8") + b"\r\n")
        self._expected.append(step)

    def _auth(self, mechanism: str, responses: list[bytes], secret: str, *, one_step: bool) -> None:
        self._sasl = responses
        self._secrets = sasl.forms_of(secret, responses[-1])
        first = " " + responses.pop(0).decode("ascii") if one_step else ""
        self._command(Step.AUTH, f"AUTH {mechanism}{first}")

    def _take_reply_line(self, line: bytes) -> Reply | None:
        text = line.decode("utf-8", "replace")
        found = _LINE.fullmatch(text)
        if found is None or (self._lines and self._lines[0][:3] != found[1]):
            raise RemoteProtocolError("not an SMTP reply", line)
        self._lines.append(text)
        if len(self._lines) > MAX_REPLY_LINES:
            raise RemoteProtocolError("reply has too many lines", line)
        if found[2] == "-":
            return None
        lines, self._lines = tuple(self._lines), []
        return _reply(lines)

    def _assign(self, reply: Reply) -> ReplyReceived | None:
        """Give the reply to the step that awaits it."""
        if not self._expected:
            if self._encoder is not None and not reply.is_positive:
                return ReplyReceived(Step.DOT, reply)  # a no that did not wait for the end of the content
            if reply.code == 421:
                return ReplyReceived(Step.IDLE, reply)
            raise RemoteProtocolError(f"unasked reply {reply.code}")
        step = self._expected[0]
        if step is Step.AUTH and reply.code == 334:
            self._answer_prompt()
            return None
        if reply.is_positive:
            self._doubt(step, reply.code)
        self._expected.popleft()
        if step is Step.AUTH:
            reply = _without(reply, self._secrets)
        if step is Step.DOT:
            self._dot_distance = None
        elif step is Step.DATA and reply.code == 354:
            self._encoder = ContentEncoder()
        elif step is Step.STARTTLS and reply.code == 220:
            self._deaf = True
            self._in.forget()
        elif step is Step.EHLO:
            self._learn_features(reply)
        return ReplyReceived(step, reply)

    def _doubt(self, step: Step, code: int) -> None:
        """A yes that is none must never pass for a delivery; past_the_dot stays as it is."""
        if (code // 100 == 3 and code != 354) or (code == 354) != (step is Step.DATA):
            raise RemoteProtocolError(f"{code} is no answer to {step.value}")
        if step is Step.DOT and (self._too_early or not self.past_the_dot):
            raise RemoteProtocolError(f"{code} came before the end of the content")

    def _answer_prompt(self) -> None:
        """The next response; an empty one to the prompt that explains a failure (XOAUTH2), and none to a third."""
        if self._sasl is None:
            raise RemoteProtocolError("334 without end")
        if not self._sasl:
            self._sasl = None
            self._put(b"\r\n")
        else:
            self._put(self._sasl.pop(0) + b"\r\n")

    def _learn_features(self, reply: Reply) -> None:
        self.features = {}
        if reply.is_positive:
            for line in reply.lines[1:]:
                keyword, _, rest = line.replace("=", " ", 1).partition(" ")  # old servers say AUTH=LOGIN
                self.features[keyword.upper()] = rest.strip()


def _without(reply: Reply, secrets: tuple[str, ...]) -> Reply:
    """Some servers repeat the line that they refuse; what we said there must not reach queue, log and reports."""
    lines = reply.lines
    for secret in secrets:
        lines = tuple(line.replace(secret, "[secret]") for line in lines)
    return replace(reply, lines=lines)


@lru_cache(maxsize=256)
def _reply(lines: tuple[str, ...]) -> Reply:
    """Build a Reply from raw lines; the enhanced status is taken off every line that has it (RFC 2034 4).

    Remembered, because a remote says the same few replies all day.
    """
    code = int(lines[0][:3])
    texts = [_UNPRINTABLE.sub("?", line[4:]) for line in lines]
    status = EnhancedStatus.parse(texts[0])
    if status is None or status.klass != code // 100:
        return Reply(code, None, tuple(texts))
    prefix = f"{status} "
    return Reply(code, status, tuple(t.removeprefix(prefix) if t != str(status) else "" for t in texts))
