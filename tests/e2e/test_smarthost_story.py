"""Stories of a relay in front of a smart host: real processes, real sockets, a next hop that we did not write."""

from __future__ import annotations

import random
import threading
from email.message import EmailMessage
from pathlib import Path

from e2e.house import SMARTHOST, Relay, Sink, eventually, without_trace


def _mail(n: int, body: str = "hello") -> bytes:
    message = EmailMessage()
    message["From"] = "scan@contoso.com"
    message["To"] = "lena@fabrikam.com"
    message["Subject"] = f"message {n}"
    message["Message-ID"] = f"<{n}@device.test>"
    message.set_content(body)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_a_message_arrives_octet_for_octet(tmp_path: Path) -> None:
    """Dots, lines of 900 octets and 8-bit survive; only our trace is added in front."""
    content = (
        b"Message-ID: <a@b>\r\nSubject: x\r\n\r\n.dot\r\n..two\r\n"
        + b"y" * 900
        + b"\r\n\xe4\xf6\r\n . \r\nend\r\n"
    )
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        relay.send(content)
        eventually(lambda: sink.delivered)

        assert content == without_trace(sink.delivered[0].content)
        assert ["lena@fabrikam.com"] == sink.delivered[0].recipients


def test_a_large_message_is_streamed_and_arrives(tmp_path: Path) -> None:
    """Twenty megabytes go through segments of their own and arrive whole; the segment is gone afterwards."""
    content = (
        b"Message-ID: <big@b>\r\n\r\n" + random.Random(1).randbytes(14_000_000).hex().encode()[:20_000_000]
    )
    content = b"\r\n".join(content[n : n + 70] for n in range(0, len(content), 70)) + b"\r\n"
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        relay.send(content)
        eventually(lambda: sink.delivered)

        assert content == without_trace(sink.delivered[0].content)
        eventually(lambda: not list((tmp_path / "data" / "segments").glob("*.seg")))


def test_each_recipient_has_its_own_fate(tmp_path: Path) -> None:
    """One recipient is taken, one refused for good, one for now; the sender gets a report about the second."""
    refuse = {"gone@x.test": "550 5.1.1 no such user", "later@x.test": "451 4.2.1 not now"}
    with Sink(refuse=refuse) as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        relay.send(_mail(1), to=("ok@x.test", "gone@x.test", "later@x.test"))
        eventually(lambda: len(sink.delivered) == 2)
        view = next(v for v in relay.queue() if len(v["recipients"]) == 3)

        assert ["delivered", "failed", "queued"] == [r["state"] for r in view["recipients"]]
        report = next(d for d in sink.delivered if d.recipients == ["scan@contoso.com"])
        assert b"Final-Recipient: rfc822; gone@x.test" in report.content
        assert b"Diagnostic-Code: smtp; 550 5.1.1 no such user" in report.content


def test_a_stranger_is_refused(tmp_path: Path) -> None:
    """Deny by default: an address that no network allows gets 550 5.7.1 at MAIL."""
    import smtplib

    config = SMARTHOST.format(host="127.0.0.1:1").replace("127.0.0.0/8", "192.0.2.0/24")
    with Relay(tmp_path, config) as relay, smtplib.SMTP("127.0.0.1", relay.port) as client:
        client.ehlo()

        assert 550 == client.mail("a@b.test")[0]


def test_killed_in_mid_burst_every_accepted_message_arrives(tmp_path: Path) -> None:
    """kill -9 under load, start again: nothing that was answered 250 is lost; what is twice is marked."""
    with Sink() as sink:
        relay = Relay(tmp_path, SMARTHOST.format(host=sink.address)).start()
        accepted: list[int] = []
        stop = threading.Event()

        def burst(worker: int) -> None:
            n = worker * 100_000
            while not stop.is_set():
                try:
                    relay.send(_mail(n))
                except (OSError, AssertionError):  # smtplib's errors are OSErrors
                    return
                accepted.append(n)
                n += 1

        workers = [threading.Thread(target=burst, args=(w,)) for w in range(4)]
        for worker in workers:
            worker.start()
        eventually(lambda: len(accepted) > 150)
        relay.kill()
        stop.set()
        for worker in workers:
            worker.join()
        relay.close_pipes()
        with relay:
            eventually(lambda: not relay.queue())
        arrived = [d.content.partition(b"Message-ID: <")[2].partition(b"@device")[0] for d in sink.delivered]

    assert set() == {str(n).encode() for n in accepted} - set(arrived)
    assert len(arrived) - len(set(arrived)) <= 20


def test_a_second_relay_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """Exit 2 and three lines; the first one goes on."""
    with Relay(tmp_path, SMARTHOST.format(host="127.0.0.1:1")) as relay:
        second = relay.command("run")

        assert 2 == second.returncode
        assert second.stderr.startswith("what: the relay is running already")
        assert relay.send(_mail(1)).startswith("2.6.0 queued as ")


def test_sigterm_ends_in_order(tmp_path: Path) -> None:
    """Exit code 0 within ten seconds, and the queue is still there for people."""
    with Relay(tmp_path, SMARTHOST.format(host="127.0.0.1:1")) as relay:
        relay.send(_mail(1))

        assert 0 == relay.stop()
        assert ["queued"] == [view["state"] for view in relay.queue()]
        assert 3 == relay.command("status").returncode
