"""Large scans over Microsoft's roads, as processes: every octet arrives, and memory does not follow the size."""

from __future__ import annotations

import hashlib
import smtplib
from base64 import b64encode
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from e2e.house import DEADLINE_S, Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from hostile.vitals import forget_peak, peak_octets, troubles

MOST_RISE = 16 * 1024 * 1024
GOES_S = 200.0
SCENARIO = """
[[mailbox]]
address = "scan@contoso.com"
limits = { send_octets = 150000000 }
"""
CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "{kind}"
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "{secret_file}" }}
mailbox = "{mailbox}"
authority = "{authority}"
ca_file = "{ca_file}"
"""
ROADS = {
    "submission": 'endpoint = "{submission}"\n',
    "graph": 'graph_endpoint = "{graph}"\nscope = "https://graph.microsoft.com/.default"\n',
}
LINE_OCTETS = 57  # of the file, in one line of base64
LINES_PER_BLOCK = 4096
HEAD = (
    b"From: <scan@contoso.com>\r\nTo: <lena@fabrikam.com>\r\nSubject: large\r\nMessage-ID: <%b@story.test>\r\n"
    b"Date: Mon, 30 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b'--b\r\nContent-Type: application/pdf; name="scan.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
    b'Content-Disposition: attachment; filename="scan.pdf"\r\n\r\n'
)


def _file(n_octets: int) -> Iterator[bytes]:
    """A scan of so many octets or a little less, whole lines of base64 at a time; no block is like another."""
    for n in range(n_octets // (LINE_OCTETS * LINES_PER_BLOCK)):
        yield hashlib.shake_256(b"%d" % n).digest(LINE_OCTETS * LINES_PER_BLOCK)


def _lines(octets: bytes) -> bytes:
    encoded = b64encode(octets)
    return b"".join(encoded[at : at + 76] + b"\r\n" for at in range(0, len(encoded), 76))


def _send(port: int, name: bytes, n_octets: int) -> str:
    """Send a file by SMTP as it is made; gives its sum."""
    total = hashlib.sha256()
    with smtplib.SMTP("127.0.0.1", port, timeout=DEADLINE_S) as client:
        client.ehlo("device.test")
        client.mail("scan@contoso.com")
        client.rcpt("lena@fabrikam.com")
        assert 354 == client.docmd("DATA")[0]
        client.send(HEAD % name)
        for block in _file(n_octets):
            total.update(block)
            client.send(_lines(block))
        client.send(b"--b--\r\n.\r\n")
        code, text = client.getreply()
        assert 250 == code, text
    return total.hexdigest()


def _sum_of_attachment(content: bytes) -> str:
    (part,) = [one for one in message_from_bytes(content).walk() if one.get_filename() == "scan.pdf"]
    found = part.get_payload(decode=True)
    assert isinstance(found, bytes)
    return hashlib.sha256(found).hexdigest()


def _arrives(cloud: Microsoft, n: int) -> bytes:
    """The content of the nth message that Microsoft takes."""
    eventually(lambda: len(cloud.control.messages()) == n, GOES_S)
    return cloud.control.content(cloud.control.messages()[-1]["number"])


@pytest.mark.timeout(580)
@pytest.mark.parametrize("kind", ROADS)
def test_large_scans_arrive_whole_and_cost_less_than_sixteen_megabytes(kind: str, tmp_path: Path) -> None:
    """10 MB, then 40 MB: the most memory that the relay uses rises by less than 16 MiB over that of 4 MB before."""
    with microsoft(tmp_path, SCENARIO) as cloud:
        (tmp_path / "relay").mkdir()
        config = (CONFIG + ROADS[kind]).format(**cloud.facts, kind=kind, mailbox=cloud.mailbox)
        with Relay(tmp_path / "relay", config) as relay:
            assert relay.process is not None
            pid = relay.process.pid
            wanted = _send(relay.port, b"first", 4_000_000)  # what libraries load at first use is no mail
            assert wanted == _sum_of_attachment(_arrives(cloud, 1))
            forget_peak(pid)
            before = peak_octets(pid)
            for n, n_octets in enumerate((10_000_000, 40_000_000), 2):
                wanted = _send(relay.port, b"large%d" % n, n_octets)
                assert wanted == _sum_of_attachment(_arrives(cloud, n))
                rise = peak_octets(pid) - before
                print(f"{kind}, {n_octets:,} octets: memory rose by {rise:,} octets")  # noqa: T201 - the figure, for -s
                assert rise < MOST_RISE
            eventually(lambda: not relay.queue())
        asked = cloud.control.stats()["graph"]

    assert (3 if kind == "graph" else 0) == asked.get("POST session", 0)
    assert [] == troubles((tmp_path / "relay" / "relay.log").read_text())
