"""One large message to more recipients than the mailbox allows, by Graph: it goes up once, and everybody gets it once.

(Microsoft: "message: copy"; docs/graph.md, Who gets it)
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from pathlib import Path

from e2e.house import Relay, eventually
from e2e.microsoft import microsoft
from stories.faults import GRAPH
from stories.scene import BASE

SCENARIO = """
[[mailbox]]
address = "scan@contoso.com"
limits = { per_minute = 1000, recipients_per_message = 3 }
"""
PEOPLE = tuple(f"r{n}@fabrikam.com" for n in range(8))
PDF = bytes(range(256)) * 14_000  # 3.5 MB: above what one request carries
HEAD = (
    b"From: <scan@contoso.com>\r\nTo: <r0@fabrikam.com>\r\nSubject: large\r\nMessage-ID: <1@story.test>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain\r\n\r\nhello\r\n--b\r\n"
    b'Content-Type: application/pdf; name="scan.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
)


def _mail() -> bytes:
    octets = b64encode(PDF)
    lines = (octets[at : at + 76] for at in range(0, len(octets), 76))
    return HEAD + b"\r\n".join(lines) + b"\r\n--b--\r\n"


def test_a_large_message_is_parted_without_another_upload(tmp_path: Path) -> None:
    """Eight recipients, three allowed: no one is left out or served twice, and it goes up once."""
    with microsoft(tmp_path, SCENARIO) as cloud:
        (tmp_path / "relay").mkdir()
        road = GRAPH.format(**cloud.facts, mailbox=cloud.mailbox)
        with Relay(tmp_path / "relay", BASE.format(queue="") + road) as relay:
            relay.send(_mail(), to=PEOPLE)
            eventually(lambda: not relay.queue(), 60.0)
        served = Counter(one for message in cloud.control.messages() for one in message["recipients"])
        asked = cloud.control.stats()["graph"]

    assert dict.fromkeys(PEOPLE, 1) == dict(served)
    assert 1 == asked["POST session"]
