"""`relay365 send-test`: what is wrong use, and how a result is printed; the deliveries are in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.mailserver import MailServer
from relay365.cli.main import main

FILE = """\
[server]
name = "relay.test"
data = "data"
[[listener]]
address = "{listener}"
{keys}
[[allow]]
network = "127.0.0.0/8"
[sender]
domains = ["contoso.com"]
[[route]]
kind = "smarthost"
host = "127.0.0.1:9"
tls = "none"
"""


def run(
    tmp_path: Path, *arguments: str, listener: str = "127.0.0.1:9", keys: str = "", stdin: str = ""
) -> Result:
    file = tmp_path / "relay365.toml"
    file.write_text(FILE.format(listener=listener, keys=keys))
    command = ["send-test", "--config", str(file), "--to", "lena@fabrikam.com", *arguments]
    return CliRunner().invoke(main, command, prog_name="relay365", input=stdin)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--via", "nope"), "there is no route nope"),
        (("--via", "smarthost", "--quirk", "no-brackets"), "that is about listeners"),
        (("--quirk", "zork"), "there is no quirk zork"),
        (("--listener", "127.0.0.1:26"), "there is no listener 127.0.0.1:26"),
        (("--as-ip", "printer"), "printer is no IPv4 address"),
        (("--as-ip", "192.0.2.9"), "we cannot come from 192.0.2.9"),
        (("--from", "a@b.test", "--eml", "FILE", "--size", "1M"), "--eml with --size"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """Exit 2, in three lines, before anything is sent."""
    (tmp_path / "mail.eml").write_text("Subject: x\n\nx\n")
    done = run(tmp_path, *(str(tmp_path / "mail.eml") if one == "FILE" else one for one in arguments))

    assert 2 == done.exit_code, done.output
    assert words in done.stderr
    assert 3 == len(done.stderr.splitlines())


def test_nobody_listens(tmp_path: Path) -> None:
    """Exit 3, and how to start."""
    done = run(tmp_path, "--from", "scan@contoso.com")

    assert 3 == done.exit_code
    assert "127.0.0.1:9 does not answer" in done.stderr and "relay365 run" in done.stderr


def test_a_port_of_its_own(tmp_path: Path) -> None:
    """Port 0 cannot be found."""
    assert "has no port of its own" in run(tmp_path, "--from", "a@b.test", listener="127.0.0.1:0").stderr


def test_a_refusal_names_the_rule(tmp_path: Path) -> None:
    """Exit 1; explain knows the mark."""
    server = MailServer(replies={"MAIL": "550 5.7.1 address not allowed here (R0)"})
    with server.running() as where:
        done = run(tmp_path, "--from", "scan@contoso.com", listener=where)

    assert 1 == done.exit_code
    assert "RESULT     refused at MAIL: 550 5.7.1 address not allowed here (R0)\n" in done.stdout
    assert "do:  relay365 explain R0" in done.stdout


def test_another_server_on_our_port(tmp_path: Path) -> None:
    """Its answer has no id of a queue, and that is said."""
    with MailServer(replies={"dot": "250 ok"}).running() as where:
        done = run(tmp_path, "--from", "scan@contoso.com", "--json", listener=where)
    found = json.loads(done.stdout)

    assert (1, "taken") == (done.exit_code, found["result"])
    assert [
        "from", "to", "via", "message_id", "size_octets", "id", "result", "text", "why", "do", "legs", "ask_microsoft",
    ] == list(found)  # fmt: skip


def test_a_proxys_header_brings_any_address(tmp_path: Path) -> None:
    """Where proxy_from names us."""
    server = MailServer()
    with server.running() as where:
        run(tmp_path, "--as-ip", "192.168.10.31", listener=where, keys='proxy_from = ["127.0.0.1/32"]')

    assert server.heard[0].startswith("PROXY TCP4 192.168.10.31 127.0.0.1 40000 ")


def test_the_default_sender_is_ours_and_a_file_goes_as_it_is(tmp_path: Path) -> None:
    """Of a domain of [sender]; --eml keeps the message."""
    (tmp_path / "mail.eml").write_bytes(b"Subject: own\n\nhello\n")
    server = MailServer()
    with server.running() as where:
        done = run(tmp_path, "--eml", str(tmp_path / "mail.eml"), "--transcript", listener=where)

    assert "MAIL FROM:<postmaster@contoso.com> SIZE=23" in server.heard
    assert [b"Subject: own\r\n\r\nhello"] == server.contents
    assert " > MAIL FROM:<postmaster@contoso.com>" in done.stdout


def test_a_password_is_read_and_not_shown(tmp_path: Path) -> None:
    """From standard input."""
    server = MailServer(offers=("AUTH PLAIN",), replies={"AUTH": "535 5.7.8 wrong"})
    with server.running() as where:
        done = run(tmp_path, "--login", "scan07", "--transcript", listener=where, stdin="Pa55word-of-it\n")

    assert "refused at AUTH" in done.stdout
    assert "Pa55word" not in done.output
    assert any(line.startswith("AUTH PLAIN ") for line in server.heard)


def test_a_size_is_a_size(tmp_path: Path) -> None:
    """Or wrong use."""
    assert 2 == run(tmp_path, "--size", "large").exit_code
