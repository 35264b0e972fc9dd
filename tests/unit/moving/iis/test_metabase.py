"""MetaBase.xml as elements with lines."""

from __future__ import annotations

import pytest

from relay365.moving.finding import SourceError
from relay365.moving.iis.metabase import Server, metabase_of

TEXT = """<?xml version ="1.0"?>
<configuration><MBProperty>
<IIsSmtpService\tLocation ="/LM/SmtpSvc"
\t\tMaxConnections="5"
\t\tMaxRecipients="7"
\t>
</IIsSmtpService>
<IIsSmtpServer\tLocation ="/LM/SmtpSvc/1"
\t\tMaxRecipients="9"
\t\tServerBindings=":25:
\t\t\t:26:"
\t>
<Custom Name="Other" ID="1" Value="2"/>
</IIsSmtpServer>
<IIsWebServer\tLocation ="/LM/W3SVC/1"><Custom ID="3" Value="4"/></IIsWebServer>
</MBProperty></configuration>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_elements_have_lines(encoding: str) -> None:
    """Of SMTP alone; a Custom belongs to the element that it stands in; all others are counted."""
    found = metabase_of(TEXT.encode(encoding), "m.xml")
    service, server = found.nodes

    assert ("IIsSmtpService", "/LM/SmtpSvc") == (service.kind, service.location)
    assert ({"MaxRecipients": "9", "Other": "2"}, ":25: :26:") == (
        {key: server.attributes[key] for key in ("MaxRecipients", "Other")},
        " ".join(server.attributes["ServerBindings"].split()),
    )
    assert ("m.xml:9", "m.xml:10", "m.xml:13") == tuple(
        server.where("m.xml", key) for key in ("MaxRecipients", "ServerBindings", "Other")
    )
    assert {"configuration": 1, "MBProperty": 1, "IIsWebServer": 1, "Custom": 1} == dict(found.others)


def test_a_server_has_from_the_service_what_it_does_not_say() -> None:
    """With the line where that stands."""
    service, node = metabase_of(TEXT.encode(), "m.xml").nodes
    server = Server(node, service, "m.xml")

    assert ("5", "9", "") == tuple(server.value(key) for key in ("MaxConnections", "MaxRecipients", "None"))
    assert ("m.xml:4", "m.xml:9") == (server.where("MaxConnections"), server.where("MaxRecipients"))
    assert (True, False) == (server.has("MaxConnections"), server.has("None"))


@pytest.mark.parametrize(
    "octets",
    [b"", b"<a>", b"no xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xff\xfe<\x00a\x00"],
)
def test_what_is_no_metabase_is_refused(octets: bytes) -> None:
    """Broken XML, and a document type, which could make a reader do things."""
    with pytest.raises(SourceError) as error:
        metabase_of(octets, "m.xml")

    assert "MetaBase.xml" in error.value.do
