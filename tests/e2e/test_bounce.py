"""`relay365 queue bounce` beside the running service: its report reaches whom the rules name, and nobody else."""

from __future__ import annotations

from pathlib import Path

from e2e.house import Relay, Sink, eventually

MAIL = b"Subject: scan\r\n\r\nhello\r\n"


def _config(sink: Sink) -> str:
    return f"""\
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[[allow]]
network = "127.0.0.0/8"
[sender]
domains = ["contoso.com"]
foreign = "pass"
[queue]
reports_to = "ops@contoso.com"
[[route]]
kind = "smarthost"
host = "{sink.address}"
tls = "none"
"""


def test_the_permitted_sender_hears_of_it_and_a_stranger_does_not(tmp_path: Path) -> None:
    """One report to our sender; that of a sender outside goes to the administrator. The mail itself never goes."""
    with Sink(data_replies=["451 4.2.1 not now"] * 2) as sink, Relay(tmp_path, _config(sink)) as relay:
        for sender in ("scan@contoso.com", "robot@fabrikam.com"):
            relay.send(MAIL, sender=sender, to=("lena@fabrikam.com",))
        eventually(lambda: all("451 4.2.1" in one["recipients"][0]["last_reply"] for one in relay.queue()))
        words = ("--where", "to:lena@fabrikam.com", "--reason", "she has left", "--yes")
        said = relay.command("queue", "bounce", *words)
        eventually(lambda: len(sink.delivered) == 2)
        waiting = relay.queue()

    assert 0 == said.returncode, said.stderr
    assert "told: scan@contoso.com (1), ops@contoso.com (1)" in said.stdout
    reports = {one.recipients[0]: one.content for one in sink.delivered}
    assert {"scan@contoso.com", "ops@contoso.com"} == set(reports)
    for content in reports.values():
        assert b"Subject: Undelivered mail" in content
        assert b"Final-Recipient: rfc822; lena@fabrikam.com\r\nAction: failed" in content
        assert b"she has left; before that: 451 4.2.1 not now" in content
    assert [] == waiting
