"""Playing a session: what is found when a server answers otherwise. The right answers are in tests/devices."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

from relay365.trial.zoo.play import Playing, client_context, credentials, play
from relay365.trial.zoo.script import parse

SCRIPT = """# Mail.   RFC 5321 3.3
S* 220 
C: MAIL FROM:<scan@corp.test>
S* 250 2.1.0 
C: DATA
S* 354 
C: .
S* 250 
=> accepted
"""  # noqa: W291 - a reply is compared by its beginning, blank included


@contextlib.contextmanager
def server(*replies: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says these, one per line that it hears, and then hangs up; gives what it heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            peer, _ = door.accept()
            with contextlib.suppress(ConnectionError), peer, peer.makefile("rb") as lines:
                for n, reply in enumerate(replies):
                    if n:
                        heard.append(lines.readline())
                    peer.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield door.getsockname()[1], heard
        thread.join(10.0)


def test_what_goes_as_written_has_no_faults() -> None:
    """Each reply is heard, each word is said aloud, and the message counts as taken."""
    said: list[tuple[str, str]] = []
    with server(b"220 x\r\n", b"250 2.1.0 ok\r\n", b"354 go\r\n", b"250 b\r\n") as (port, heard):
        played = play(
            parse("one", SCRIPT, "C"),
            Playing("127.0.0.1", port, timeout_s=5.0, say=lambda *one: said.append(one)),
        )

    assert ([], 1) == (played.faults, played.n_taken)
    assert [b"MAIL FROM:<scan@corp.test>\r\n", b"DATA\r\n", b".\r\n"] == heard
    assert [("S", "220 x"), ("C", "MAIL FROM:<scan@corp.test>"), ("S", "250 2.1.0 ok")] == said[:3]
    assert ("S", "250 b") == said[-1]


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (b"553 5.1.7 no\r\n", "expected '250 2.1.0 ', found '553 5.1.7 no'"),
        (b"", "expected '250 2.1.0 ', and nothing came"),
        (b"250 ok \x1b[31m\r\n", r"expected '250 2.1.0 ', found '250 ok \\x1b[31m'"),
    ],
)
def test_the_first_wrong_answer_is_the_fault(reply: bytes, fault: str) -> None:
    """What was expected and what came, made visible; then nothing more is said."""
    with server(b"220 x\r\n", reply) as (port, _):
        played = play(parse("one", SCRIPT, "C"), Playing("127.0.0.1", port, timeout_s=5.0))

    assert ([fault], 0) == (played.faults, played.n_taken)


def test_other_servers_are_compared_by_class() -> None:
    """Another text and another positive code are as good; a refusal is not."""
    script = parse("one", SCRIPT, "C")
    with server(b"220 x\r\n", b"251 other words\r\n", b"354\r\n", b"250\r\n") as (port, _):
        assert [] == play(script, Playing("127.0.0.1", port, timeout_s=5.0, by_class=True)).faults
    with server(b"220 x\r\n", b"451 no\r\n") as (port, _):
        assert ["expected '250 2.1.0 ', found '451 no'"] == play(
            script, Playing("127.0.0.1", port, timeout_s=5.0, by_class=True)
        ).faults


def test_words_are_replaced() -> None:
    """Addresses as they stand, credentials in each form that AUTH knows."""
    words = credentials("me", "mine", instead_of=("scan", "secret"))
    with server(b"220 x\r\n", b"250 2.1.0\r\n", b"354 \r\n", b"250 \r\n") as (port, heard):
        play(
            parse("one", SCRIPT, "C"),
            Playing("127.0.0.1", port, timeout_s=5.0, words={b"scan@corp.test": b"me@x.test"}),
        )

    assert b"MAIL FROM:<me@x.test>\r\n" == heard[0]
    assert {b"AHNjYW4Ac2VjcmV0": b"AG1lAG1pbmU=", b"c2Nhbg==": b"bWU=", b"c2VjcmV0": b"bWluZQ=="} == words


def test_silence_and_a_refused_handshake_can_be_claims() -> None:
    """A word in clear where none may come, and TLS where it may not come about, are faults; their absence is none."""
    silence = parse("one", "# S.   RFC 8314 3.3\n~ silence\n=> nothing\n", "C")
    refused = parse("one", "# S.   RFC 8314 3.3\n~ tls refused\n=> nothing\n", "C")
    with server(b"220 x\r\n") as (port, _):
        assert ["silence: expected nothing in clear, found '220 x'"] == play(
            silence, Playing("127.0.0.1", port, timeout_s=5.0)
        ).faults
    with server(b"") as (port, _):
        assert [] == play(silence, Playing("127.0.0.1", port, timeout_s=5.0)).faults
    with server(b"220 x\r\n") as (port, _):
        assert [] == play(refused, Playing("127.0.0.1", port, timeout_s=5.0)).faults


def test_a_pause_is_kept_and_an_end_can_be_a_claim() -> None:
    """Silence for so long before the next write; a word where the connection must end is a fault."""
    text = "# P.   RFC 5321 4.5.3.2\nS* 220 \n~ pause 0.2\nC: A\nS* 421 \n~ closed\n=> nothing\n"
    began = time.monotonic()
    with server(b"220 x\r\n", b"421 late\r\n") as (port, _):
        assert [] == play(parse("one", text, "C"), Playing("127.0.0.1", port, timeout_s=5.0)).faults
    assert time.monotonic() - began >= 0.2
    with server(b"220 x\r\n", b"421 late\r\n500 what\r\n") as (port, _):
        assert ["closed: expected the end of the connection, found '500 what'"] == play(
            parse("one", text, "C"), Playing("127.0.0.1", port, timeout_s=5.0)
        ).faults


def test_nobody_there_is_an_error() -> None:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        play(parse("one", SCRIPT, "C"), Playing("127.0.0.1", port, timeout_s=5.0))


@pytest.mark.parametrize(
    ("kind", "most"), [("", ssl.TLSVersion.MAXIMUM_SUPPORTED), ("rsa", ssl.TLSVersion.TLSv1_2)]
)
def test_a_device_speaks_the_tls_of_its_age(kind: str, most: ssl.TLSVersion) -> None:
    """What is usual, or TLS 1.2 with RSA key exchange and nothing else below 1.3."""
    context = client_context(kind)
    exchanges = {one["kea"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.2"}

    assert most == context.maximum_version
    assert (kind == "rsa") == (exchanges == {"kx-rsa"})
