"""Stories about who may send: strangers and their tricks, a device that loops, a device by name, a login that frees."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.house import DEADLINE_S, Relay, Sink, eventually

CONTENT = b"Subject: story\r\nFrom: scan@contoso.com\r\n\r\nhello\r\n"
ROUTE = '[[route]]\nkind = "smarthost"\nhost = "{host}"\ntls = "none"\n'
HEAD = '[server]\ndata = "./data"\n[[listener]]\naddress = "127.0.0.1:0"\n'
STRANGER, LOOPING, QUIET = "127.0.0.1", "127.0.0.2", "127.0.0.3"  # all of them reach a listener on loop-back


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as opened:
        yield opened


def _relay(tmp_path: Path, sink: Sink, rules: str) -> Relay:
    return Relay(tmp_path, HEAD + rules + ROUTE.format(host=sink.address))


def _connect(relay: Relay, address: str) -> smtplib.SMTP:
    return smtplib.SMTP(
        "127.0.0.1", relay.port, "device.test", timeout=DEADLINE_S, source_address=(address, 0)
    )


def _send(client: smtplib.SMTP, sender: str, to: str) -> tuple[int, str]:
    """One message; gives the first reply that is not good, or the last."""
    client.ehlo_or_helo_if_needed()
    for step in (lambda: client.mail(sender), lambda: client.rcpt(to), lambda: client.data(CONTENT)):
        code, text = step()
        if code >= 400:
            client.rset()
            break
    return code, text.decode()


TRICKS = (
    "lena@fabrikam.com",
    "user%fabrikam.com@contoso.com",
    '"user@fabrikam.com"@contoso.com',
    "fabrikam.com!user@contoso.com",
    "@contoso.com,@relay.test:user@fabrikam.com",
    '"quoted local"@fabrikam.com',
    "user@[127.0.0.1]",
    "postmaster",
)


def test_no_trick_of_a_stranger_gets_anything_through(tmp_path: Path, sink: Sink) -> None:
    """By the dialogue and by all commands in one write: everything is refused, and the next good mail is alone."""
    rules = f'[[allow]]\nnetwork = "{QUIET}/32"\n[sender]\ndomains = ["contoso.com"]\n'
    with _relay(tmp_path, sink, rules) as relay:
        with _connect(relay, STRANGER) as client:
            heard = {_send(client, sender, to) for sender in ("", "scan@contoso.com") for to in TRICKS}
        with socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S, (STRANGER, 0)) as raw:
            lines = [
                "EHLO contoso.com",
                "MAIL FROM:<scan@contoso.com>",
                *(f"RCPT TO:<{to}>" for to in TRICKS),
            ]
            raw.sendall("\r\n".join([*lines, "DATA", "Subject: x", "", "x", ".", "QUIT", ""]).encode())
            raw.shutdown(socket.SHUT_WR)
            said = b"".join(iter(lambda: raw.recv(65536), b"")).decode()
        with _connect(relay, QUIET) as client:
            good = _send(client, "scan@contoso.com", "lena@fabrikam.com")
        eventually(lambda: sink.delivered)
        eventually(lambda: not relay.queue())

        assert {(550, "5.7.1 address not allowed here (R0)")} == heard
        assert "354" not in said
        assert "queued as" not in said
        assert 250 == good[0]
        assert [["lena@fabrikam.com"]] == [one.recipients for one in sink.delivered]
        assert 1 == relay.log_file.read_text("utf-8").count(f"client.unknown peer={STRANGER}")


def test_one_device_that_loops_does_not_starve_the_rest(tmp_path: Path, sink: Sink) -> None:
    """In a trusted network, too: it gets its messages a minute and its sessions, and another is served at once."""
    rules = '[[allow]]\nnetwork = "127.0.0.0/8"\nper_minute = 5\nsessions = 3\n'
    with _relay(tmp_path, sink, rules) as relay:
        sessions = [_connect(relay, LOOPING) for _ in range(3)]
        with pytest.raises(smtplib.SMTPConnectError) as one_too_many:
            _connect(relay, LOOPING)
        looping = [_send(sessions[n % 3], "scan@contoso.com", "lena@fabrikam.com") for n in range(30)]
        with _connect(relay, QUIET) as client:
            other = _send(client, "scan@contoso.com", "ops@fabrikam.com")
        for session in sessions:
            session.close()
        eventually(lambda: 6 == len(sink.delivered))

        assert 421 == one_too_many.value.smtp_code
        assert [250] * 5 + [450] * 25 == [code for code, _ in looping]
        assert "4.7.1 too many messages, try later (R2)" == looping[-1][1]
        assert 250 == other[0]
        assert 1 == relay.log_file.read_text("utf-8").count(f"client.slowed peer={LOOPING} rule=R2")


def test_a_refusal_leads_to_its_rule(tmp_path: Path, sink: Sink) -> None:
    """A device by name may write to our own domains; what it hears otherwise is explained by the text that it shows."""
    rules = (
        f'[[device]]\nname = "canon"\nmatch = {{ address = "{QUIET}" }}\nrecipients = "own-domains"\n'
        'sender = "canon@contoso.com"\n[sender]\ndomains = ["contoso.com"]\n'
    )
    with _relay(tmp_path, sink, rules) as relay:
        with _connect(relay, QUIET) as client:
            refused = _send(client, "ESP-CAM", "lena@fabrikam.com")
            routed = _send(client, "a@b.test", "lena%fabrikam.com@contoso.com")
            taken = _send(client, "somebody@else.test", "ops@contoso.com")
        explained = relay.command("explain", f"{refused[0]} {refused[1]}")
        eventually(lambda: sink.delivered)

        assert (550, "5.7.1 recipient not allowed here (R1)") == refused
        assert (550, "5.7.1 routed address not allowed here (R1)") == routed
        assert 250 == taken[0]
        assert ["canon@contoso.com"] == [one.reverse_path for one in sink.delivered]
        assert 0 == explained.returncode
        assert "R1: device canon (address 127.0.0.3)" == explained.stdout.splitlines()[0]


def test_a_login_frees_from_the_lists_of_its_network(tmp_path: Path, sink: Sink) -> None:
    """Inside our network a password may come in clear; it frees the recipients, and a wrong one changes nothing."""
    rules = '[[allow]]\nnetwork = "127.0.0.0/8"\nrecipients = "own-domains"\n[sender]\ndomains = ["contoso.com"]\n'
    with _relay(tmp_path, sink, rules) as relay:
        assert 0 == relay.command("user", "add", "erp", "--password-stdin", stdin="s3cret\n").returncode
        with _connect(relay, QUIET) as client:
            before = _send(client, "erp@contoso.com", "lena@fabrikam.com")
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("erp", "wrong")
            still = _send(client, "erp@contoso.com", "lena@fabrikam.com")
            client.login("erp@contoso.com", "s3cret")
            after = _send(client, "erp@contoso.com", "lena@fabrikam.com")

        assert [(550, "5.7.1 recipient not allowed here (R2)")] * 2 == [before, still]
        assert 250 == after[0]


def _login(relay: Relay, address: str, name: str, password: str) -> int:
    """The code that a login gets, on a connection of its own."""
    with _connect(relay, address) as client:
        client.ehlo()
        client.user, client.password = name, password
        code, _ = client.auth("PLAIN", client.auth_plain, initial_response_ok=True)
    return code


def _try(relay: Relay, address: str, name: str, password: str) -> int:
    try:
        return _login(relay, address, name, password)
    except smtplib.SMTPAuthenticationError as error:
        return int(error.smtp_code)


def test_who_guesses_is_locked_out_and_nobody_behind_the_same_router(tmp_path: Path, sink: Sink) -> None:
    """Ten wrong passwords lock one name from one address: the right one is refused there, while another name from
    there and the same name from elsewhere go on; journal and `device list` say it, and a restart forgets it.
    """
    rules = '[[allow]]\nnetwork = "127.0.0.0/8"\nlogin = "required"\n[sender]\ndomains = ["contoso.com"]\n'
    relay = _relay(tmp_path, sink, rules)
    for name in ("erp", "scan"):
        added = relay.command("user", "add", name, "--password-stdin", stdin=f"{name}-right\n")
        assert 0 == added.returncode
    with relay:
        with ThreadPoolExecutor(10) as pool:
            guessed = list(pool.map(lambda n: _try(relay, LOOPING, "erp", f"guess{n}"), range(10)))
        locked = _try(relay, LOOPING, "erp", "erp-right")
        others = [_try(relay, LOOPING, "scan", "scan-right"), _try(relay, QUIET, "erp", "erp-right")]
        listed = relay.command("device", "list").stdout
        shown = [relay.command("device", "show", address).stdout for address in (LOOPING, QUIET)]
        journal = relay.log_file.read_text("utf-8")
    with relay:
        forgotten = _try(relay, LOOPING, "erp", "erp-right")
        listed_later = relay.command("device", "list").stdout

    assert ([535] * 10, 535, [235, 235], 235) == (guessed, locked, others, forgotten)
    assert 1 == journal.count(f"login.locked name='erp' peer={LOOPING}")
    assert 1 == journal.count("login.locked")
    assert f"Too many wrong logins: login erp from {LOOPING} is not tried until " in listed
    assert [1, 0] == [one.count(f"login erp from {LOOPING} is not tried until ") for one in shown]
    assert "Too many wrong logins" not in listed_later


def test_a_password_that_nobody_looks_at_opens_nothing(tmp_path: Path, sink: Sink) -> None:
    """With any_password even the right password of a login leaves a client in its network, whose lists stay shut;
    eighty wrong ones lock nobody, and no password is in the log, the transcripts or the queue.
    """
    rules = (
        '[[allow]]\nnetwork = "127.0.0.3/32"\nrecipients = "own-domains"\ntolerate = { any_password = true }\n'
        '[[allow]]\nnetwork = "127.0.0.0/8"\n[sender]\ndomains = ["contoso.com"]\n'
        '[[device]]\nname = "erp"\nmatch = { login = "erp" }\n'
    )
    with _relay(tmp_path, sink, rules) as relay:
        assert 0 == relay.command("user", "add", "erp", "--password-stdin", stdin="s3cret-right\n").returncode
        taken = {_login(relay, QUIET, "erp", f"s3cret-wrong{n}") for n in range(80)}
        with _connect(relay, QUIET) as client:
            client.login("erp", "s3cret-right")
            inside = _send(client, "cam@contoso.com", "lena@fabrikam.com")
            own = _send(client, "cam@contoso.com", "lena@contoso.com")
        elsewhere = [_try(relay, LOOPING, "erp", one) for one in ("s3cret-wrong", "s3cret-right")]
        eventually(lambda: sink.delivered)
        eventually(lambda: "any_password" in relay.command("device", "show", QUIET).stdout)
        shown = relay.command("device", "show", QUIET).stdout
        assert 0 == relay.stop()
    journal = relay.log_file.read_text("utf-8")

    assert {235} == taken
    assert (550, "5.7.1 recipient not allowed here (R3)") == inside
    assert (250, [535, 235]) == (own[0], elsewhere)
    assert "81" in shown[shown.index("any_password") :].splitlines()[0]
    assert 0 == journal.count(f"peer={QUIET} name=")
    assert [] == [file for file in tmp_path.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()]
