"""`relay365 simulate`: the list, a session that goes as written, one that does not, and nobody there."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from click.testing import CliRunner

from relay365.cli.trying.simulate import simulate
from relay365.trial.zoo.cages import specimens

REPLIES = {b"EHLO": b"250-x\r\n250 SIZE\r\n", b"HELO": b"250 x\r\n", b"MAIL": b"250 2.1.0 ok\r\n",
           b"RCPT": b"250 2.1.5 ok\r\n", b"DATA": b"354 go\r\n", b".\r\n": b"250 2.6.0 queued as X\r\n",
           b"QUIT": b"221 2.0.0 bye\r\n"}  # fmt: skip


@contextmanager
def server(replies: dict[bytes, bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers lines by their first word; gives its port and what it heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            peer, _ = door.accept()
            with peer, peer.makefile("rb") as lines:
                peer.sendall(b"220 x\r\n")
                for line in lines:
                    heard.append(line)
                    peer.sendall(replies.get(line[:4], replies.get(line, b"")))

        thread = threading.Thread(target=serve)
        thread.start()
        yield str(door.getsockname()[1]), heard
        thread.join(10.0)


def test_the_list_names_every_session() -> None:
    """One line each, and one object each with --json."""
    plain, objects = (CliRunner().invoke(simulate, ["list", *args]) for args in ((), ("--json",)))

    assert (0, 0) == (plain.exit_code, objects.exit_code)
    names = [one.name for one in specimens()]
    assert names == [line.split()[0] for line in plain.stdout.splitlines()[1:]]
    assert names == [json.loads(line)["name"] for line in objects.stdout.splitlines()]


def test_a_session_that_goes_as_written() -> None:
    """The dialogue, the claim, the tolerance, what to do at the device; exit 0. Addresses are those that were given."""
    with server(REPLIES) as (port, heard):
        done = CliRunner().invoke(simulate, ["device", "ups", "--port", port, "--to", "me@own.test"])

    assert 0 == done.exit_code, done.output
    assert b"RCPT TO:<me@own.test>\r\n" in heard
    assert "C: RCPT TO:<me@own.test>\nS: 250 2.1.5 ok\n" in done.stdout
    assert "claim:  HELO with no name is taken; the address stands for it.\n" in done.stdout
    assert "needs:  [tolerate] empty_helo (on)\n" in done.stdout
    assert "device: enter a host name in the card's network page\n" in done.stdout
    assert "result: as written; messages taken: 1\n" in done.stdout


def test_a_session_that_does_not() -> None:
    """The answer that was expected and the one that came; exit 1; with --json the dialogue is on standard error."""
    with server({**REPLIES, b"HELO": b"501 no name\r\n"}) as (port, _):
        done = CliRunner().invoke(simulate, ["device", "ups", "--port", port, "--json"])

    assert 1 == done.exit_code
    found = json.loads(done.stdout)
    assert (["expected '250 ', found '501 no name'"], 0) == (found["faults"], found["taken"])
    assert "S: 501 no name" in done.stderr


def test_the_login_is_read_from_standard_input() -> None:
    """The zoo's own is replaced in each form that AUTH knows."""
    with server({**REPLIES, b"AUTH": b"334 UGFzc3dvcmQ6\r\n", b"bWlu": b"235 2.7.0 ok\r\n"}) as (port, heard):
        arguments = ["device", "b09", "--port", port, "--login", "me"]
        done = CliRunner().invoke(simulate, arguments, input="mine\n")

    assert 0 == done.exit_code, done.output
    assert [b"AUTH LOGIN bWU=\r\n", b"bWluZQ==\r\n"] == heard[1:3]


def test_nobody_there_and_no_such_session() -> None:
    """3 and 2, in three lines each."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = str(door.getsockname()[1])
    nobody = CliRunner().invoke(simulate, ["device", "ups", "--port", port])
    nothing = CliRunner().invoke(simulate, ["device", "toaster"])

    assert (3, 2) == (nobody.exit_code, nothing.exit_code)
    assert f"what: nobody answers at 127.0.0.1:{port}\n" in nobody.stderr
    assert "do:   relay365 simulate list\n" in nothing.stderr
