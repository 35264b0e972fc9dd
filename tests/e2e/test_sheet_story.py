"""A technician does what the sheet says, and nothing else; the mail arrives."""

from __future__ import annotations

import json
import smtplib
import ssl
from pathlib import Path

import pytest

from e2e.house import Relay, Sink, _free_port, eventually

CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:{port}"
[[listener]]
address = "127.0.0.1:{other}"
tls = "implicit"
[[device]]
name = "copier"
match = {{ login = "kyo" }}
sender = "scan@contoso.com"
max_message = "1M"
login = "required"
[[route]]
kind = "smarthost"
host = "{host}"
tls = "none"
"""


def test_what_a_sheet_says_is_what_works(tmp_path: Path) -> None:
    """Server, port, security, login, password, certificate and size, by each of its ways, from what was printed."""
    with Sink() as sink:
        text = CONFIG.format(port=_free_port(), other=_free_port(), host=sink.address)
        with Relay(tmp_path, text) as relay:
            sheet = json.loads(relay.command("device", "sheet", "copier", "--new-password", "--json").stdout)
            assert [True, True] == [way["answers"] for way in sheet["ways"]]
            trust = ssl.create_default_context(cafile=sheet["certificate"]["file"])
            for way in sheet["ways"]:
                with _begun(way, trust) as client:
                    client.login(sheet["user"], sheet["password"])
                    client.sendmail(
                        "anything@else.test", ["lena@fabrikam.com"], "Subject: a page\r\n\r\nx\r\n"
                    )
                    with pytest.raises(smtplib.SMTPSenderRefused, match="552"):
                        client.sendmail("a@b.test", ["lena@fabrikam.com"], "x" * way["size_octets"] + "\r\n.")
            eventually(lambda: len(sink.delivered) == len(sheet["ways"]))

    assert {sheet["sender"]} == {one.reverse_path for one in sink.delivered}


def _begun(way: dict[str, str], trust: ssl.SSLContext) -> smtplib.SMTP:
    """A session as far as the security that the sheet asks for."""
    place = way["server"], int(way["port"])
    if way["security"] == "tls-at-once":
        return smtplib.SMTP_SSL(*place, timeout=30.0, context=trust)
    client = smtplib.SMTP(*place, timeout=30.0)
    assert "starttls" == way["security"]
    client.starttls(context=trust)
    return client
