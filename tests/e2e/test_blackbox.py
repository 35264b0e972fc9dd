"""The black box of a running relay, through the commands that people use."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from e2e.house import DEADLINE_S, SMARTHOST, Relay, Sink, eventually
from e2e.microsoft import microsoft

UPS = """
[[device]]
name = "ups"
match = { address = ["127.0.0.9"] }
tolerate = { no_brackets = false, empty_helo = false, bare_lf_commands = true }
[log]
sessions = 5
"""
PASSWORD = "m7kq2tfa9pxc4hdr"


def house(directory: Path) -> Relay:
    """A relay whose way out leads nowhere."""
    return Relay(directory, SMARTHOST.format(host="127.0.0.1:1") + UPS)


def talk(relay: Relay, *lines: str, address: str = "127.0.0.1") -> list[str]:
    """Say lines one after the other and hang up; gives the last line of each reply, the greeting first."""
    with socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S, (address, 0)) as peer:
        replies, stream = [], peer.makefile("rb")
        for line in (None, *lines):
            if line is not None:
                peer.sendall(f"{line}\r\n".encode())
            while (said := stream.readline())[3:4] == b"-":
                pass
            replies.append(said.decode().rstrip())
        stream.close()
        return replies


def ask(relay: Relay, *arguments: str) -> list[dict[str, Any]]:
    """The objects that a command prints."""
    done = relay.command(*arguments, "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _ended(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, once none of them goes on."""
    return [] if any(one["reading"] == "still here" for one in sessions) else sessions


def test_a_login_is_read_and_its_password_is_nowhere(tmp_path: Path) -> None:
    """Not in the files, not on the screen, in no form; the reading says what is wrong with it."""
    coded = base64.b64encode(PASSWORD.encode()).decode()
    with Relay(
        tmp_path, SMARTHOST.format(host="127.0.0.1:1") + "[tolerate]\nauth_in_clear = true\n"
    ) as relay:
        said = talk(relay, "EHLO copier", "AUTH LOGIN", "c2Nhbg==", coded, f"PASS {PASSWORD}")
        assert ["334", "334", "535", "500"] == [reply[:3] for reply in said[2:]]
        (session,) = eventually(lambda: _ended(ask(relay, "device", "sessions", "127.0.0.1")))
        kept = "".join(file.read_text("utf-8") for file in (tmp_path / "data" / "sessions").iterdir())

    assert "wrong name or password" in session["reading"]
    assert [] == [word for word in (PASSWORD, coded, coded[:6]) if word in kept + json.dumps(session)]


def test_a_stranger_stands_in_the_list_with_a_rule_that_lets_it_in(tmp_path: Path) -> None:
    """The rule can be pasted as it is; after the next start the stranger is a device, and may send."""
    config = SMARTHOST.format(host="127.0.0.1:1").replace("127.0.0.0/8", "127.0.0.1/32")
    with Relay(tmp_path, config) as relay:
        assert talk(relay, "HELO BRN3C", "MAIL FROM:<a@b.test>", address="127.0.0.7")[-1].startswith("550 ")
        (row,) = eventually(lambda: ask(relay, "device", "list", "--unknown"))
    assert ("127.0.0.7", "BRN3C", 1) == (row["address"], row["helo"], row["refused"])

    with Relay(tmp_path, config + row["rule_to_paste"] + "\n") as relay:
        assert talk(relay, "HELO BRN3C", "MAIL FROM:<a@b.test>", address="127.0.0.7")[-1].startswith("250 ")


def test_learning_takes_what_a_device_needs_and_proposes_exactly_that(tmp_path: Path) -> None:
    """What is refused before is taken meanwhile, and what was not needed is not proposed."""
    odd = ("HELO ", "MAIL FROM:a@b.test")
    with house(tmp_path) as relay:
        assert talk(relay, *odd, address="127.0.0.9")[-1].startswith("5")
        assert 0 == relay.command("device", "learn", "ups", "--no-wait").returncode
        eventually(lambda: talk(relay, *odd, address="127.0.0.9")[-1].startswith("250 "))
        (learned,) = eventually(lambda: ask(relay, "device", "learn", "ups", "--result"))

    assert ["empty_helo", "no_brackets"] == learned["missing"] == sorted(learned["needed"])


def test_the_next_session_is_shown_while_it_is_waited_for(tmp_path: Path) -> None:
    """`tail --next` ends with the session, and shows all of it."""
    with house(tmp_path) as relay:
        command = [
            sys.executable,
            "-m",
            "relay365",
            "tail",
            "--next",
            "--device",
            "ups",
            "--config",
            str(relay.config_file),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as following:

            def has_been_heard() -> bool:
                talk(relay, "NOOP", "QUIT")
                talk(relay, "NOOP", "QUIT", address="127.0.0.9")
                return following.poll() is not None

            eventually(has_been_heard)
            assert following.stdout is not None
            shown = following.stdout.read().splitlines()

    assert [["->", "NOOP"], ["->", "QUIT"]] == [line.split()[2:4] for line in shown if " -> " in line]
    assert "ups  == left after NOOP without sending" == shown[-1].strip()


def test_sessions_outlive_the_service(tmp_path: Path) -> None:
    """They are read while it is down, and the next one goes on with them."""
    for n in (1, 2):
        with house(tmp_path) as relay:
            relay.send(b"Subject: x\r\n\r\nx\r\n")
        (row,) = (row for row in ask(relay, "device", "list") if row["address"] == "127.0.0.1")
        assert (n, n, n) == (
            row["messages"],
            row["sessions"],
            len(ask(relay, "device", "sessions", "127.0.0.1")),
        )


def _with_attempt(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in sessions if one["attempts"]]


def test_both_legs_of_a_message_stand_in_the_order_of_time(tmp_path: Path) -> None:
    """What the device said, and behind our 250 what we and the next hop said about its message, by its id."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        spool_id = relay.send(b"Subject: both legs\r\n\r\nhello\r\n").rpartition(" ")[2]
        (session,) = eventually(lambda: _with_attempt(ask(relay, "device", "sessions", "127.0.0.1")))
        shown = relay.command("device", "sessions", "127.0.0.1").stdout.splitlines()
    (attempt,) = session["attempts"]
    said = [(line["who"], line["text"]) for line in attempt["lines"]]
    order = [
        next(n for n, line in enumerate(shown) if text in line)
        for text in (
            "-> mail FROM:<",
            f"<- 250 2.6.0 queued as {spool_id}",
            f"=> {spool_id}  MAIL FROM:<",
            f"=> {spool_id}  (content, ",
        )
    ]

    assert spool_id == attempt["id"]
    assert ("note", f"connected to {sink.address}") in said
    assert [("out", "DATA"), ("remote", "354")] == [
        (who, text[:4].rstrip()) for who, text in said if text.startswith(("DATA", "354"))
    ]
    assert sorted(order) == order
    assert "hello" not in "\n".join(shown)


GRAPH = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "graph"
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "{secret_file}" }}
mailbox = "{mailbox}"
authority = "{authority}"
graph_endpoint = "{graph}"
ca_file = "{ca_file}"
mime_limit = "4K"
"""


def test_the_leg_to_graph_stands_in_the_transcript_too(tmp_path: Path) -> None:
    """A small message and a large one, whose upload session has a secret address: each request and each answer, and
    of token, content and that address nothing, on the screen and in the files.
    """
    home = tmp_path / "relay"
    home.mkdir()
    large = b"From: scan@contoso.com\r\nTo: lena@fabrikam.com\r\nSubject: large\r\nMIME-Version: 1.0\r\n" + (
        b"Content-Type: application/pdf; name=scan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"S2FuYXJpZW52b2dlbA==\r\n" * 300_000
    )
    with (
        microsoft(tmp_path) as cloud,
        Relay(home, GRAPH.format(**cloud.facts, mailbox=cloud.mailbox)) as relay,
    ):
        small_id = relay.send(
            b"From: scan@contoso.com\r\nTo: lena@fabrikam.com\r\n\r\nwoodpecker\r\n"
        ).split()[-1]
        eventually(lambda: len(cloud.control.messages()) == 1)
        large_id = relay.send(large).split()[-1]
        eventually(lambda: len(cloud.control.messages()) == 2)
        sessions = eventually(lambda: _two(_with_attempt(ask(relay, "device", "sessions", "127.0.0.1"))))
        shown = relay.command("device", "sessions", "127.0.0.1").stdout
        kept = "".join(file.read_text("utf-8") for file in (home / "data" / "sessions").iterdir())
    by_id = {one["id"]: one["lines"] for session in sessions for one in session["attempts"]}
    small = [(line["who"], line["text"]) for line in by_id[small_id]]
    steps = [line["text"] for line in by_id[large_id] if line["who"] in ("out", "remote")]
    user = f"/v1.0/users/{cloud.mailbox}"

    assert ("out", f"POST {user}/sendMail") in small
    assert "202 Accepted, request-id " in small[-1][1]
    assert [f"POST {user}/messages", "(content, ", "201 Created"] == [
        step[: len(begin)]
        for step, begin in zip(steps, (f"POST {user}/messages", "(content, ", "201 Created"), strict=False)
    ]
    assert 2 == len([step for step in steps if step.startswith("PUT (a secret address at ")])
    assert steps[-2].endswith("/send")
    assert steps[-1].startswith("202 Accepted")
    assert f"=> {small_id}  POST {user}/sendMail" in shown
    assert [] == [
        word for word in ("Bearer", "eyJ", "woodpecker", "S2Fu", "authtoken") if word in shown + kept
    ]


def _two(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sessions if len(sessions) == 2 else []
