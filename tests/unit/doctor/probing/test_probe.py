"""The probe in front of real servers of every manner."""

from __future__ import annotations

import asyncio

import pytest

from fakes.mailserver import Authority, MailServer, old_only, rsa_only
from relay365.doctor.probing.probe import Seen, Target, openssl_line, probe, within
from relay365.errors import RemoteProtocolError, TransportError


def look(server: MailServer, authority: Authority, **options: object) -> Seen:
    with server.running() as where:
        host, _, port = where.rpartition(":")
        target = Target(host, int(port), ca_file=str(authority.ca_file), patience_s=5.0, **options)
        return asyncio.run(probe(target))


def test_a_good_server(authority: Authority) -> None:
    """Everything is seen: greeting, offers in clear and inside, versions, key exchange, trust."""
    server = MailServer(authority.context(), offers_inside=("SIZE 1000000", "AUTH LOGIN"))
    seen = look(server, authority)

    assert ("starttls", "220 mail.test ESMTP Fake", "") == (seen.manner, seen.greeting, seen.distrust)
    assert "STARTTLS" in seen.features and "AUTH" not in seen.features
    assert {"SIZE": "1000000", "AUTH": "LOGIN"} == seen.features_inside
    spoken = {one.version: one.is_spoken for one in seen.spoken}
    assert (True, True) == (spoken["1.3"], spoken["1.2"])
    assert "ECDHE" in seen.exchanges
    assert {} == seen.suites


def test_tls_at_once_is_found_out(authority: Authority) -> None:
    """A port that waits for a handshake says nothing; then it is tried with TLS at once."""
    seen = look(MailServer(authority.context(), at_once=True), authority)

    assert ("tls", "") == (seen.manner, seen.distrust)
    assert seen.is_encrypted


def test_a_server_without_tls(authority: Authority) -> None:
    """No version is asked for where there is nothing to ask."""
    server = MailServer()
    seen = look(server, authority)

    assert ("plain", [], None) == (seen.manner, seen.spoken, seen.shown)


def test_a_server_that_is_older_than_ehlo(authority: Authority) -> None:
    """It is greeted with HELO, as the relay greets it, and asked on."""
    server = MailServer(replies={"EHLO": "500 5.5.2 Command unrecognized", "HELO": "250 mail.test"})
    seen = look(server, authority, sender="scan@contoso.com", recipient="lena@fabrikam.com")

    assert ("plain", {}) == (seen.manner, seen.features)
    assert (
        "MAIL FROM:<scan@contoso.com>"
        in server.heard[server.heard.index("HELO probe.relay365.example") + 1 :]
    )


def test_an_old_nas(authority: Authority) -> None:
    """RSA key exchange only, TLS 1.2 only; every suite in its order, and each once."""
    seen = look(MailServer(rsa_only(authority.context())), authority, enumerate_suites=True)

    assert ["1.2"] == [one.version for one in seen.spoken if one.is_spoken]
    assert ["RSA"] == seen.exchanges
    suites = seen.suites["1.2"]
    assert "AES256-GCM-SHA384" in suites and len(set(suites)) == len(suites) > 2
    assert not any(name.startswith("ECDHE") for name in suites)


def test_a_server_of_2010(authority: Authority) -> None:
    """TLS 1.0 alone: the relay's own client would refuse it, and the probe has seen it."""
    seen = look(MailServer(old_only(authority.context())), authority)

    assert ["1.0"] == [one.version for one in seen.spoken if one.is_spoken]
    assert seen.distrust != ""
    assert seen.shown is not None and "TLSv1" == seen.shown.version


def test_another_name(authority: Authority) -> None:
    """--sni is the name that the certificate must have."""
    server = MailServer(authority.context(["mail.contoso.com"]))

    assert "mismatch" in look(server, authority).distrust
    assert "" == look(server, authority, name="mail.contoso.com").distrust


def test_mail_and_rcpt_end_in_rset(authority: Authority) -> None:
    """What they are answered is kept, and no content is sent."""
    server = MailServer(
        authority.context(), replies={"RCPT": "550 5.7.64 TenantAttribution; Relay Access Denied"}
    )
    seen = look(server, authority, sender="a@contoso.com", recipient="b@else.test")

    assert ["MAIL FROM:<a@contoso.com>", "RCPT TO:<b@else.test>", "RSET"] == [one for one, _ in seen.asked]
    assert seen.asked[1][1].startswith("550 5.7.64")
    assert [] == server.contents and "DATA" not in server.heard


def test_nobody_and_no_mail_server(authority: Authority) -> None:
    """Refused, silent for good, and another protocol."""
    with pytest.raises(TransportError, match="refused"):
        asyncio.run(probe(Target("127.0.0.1", 9)))
    with pytest.raises(TransportError, match=r"no greeting.*--starttls"):
        look(MailServer(), authority, manner="tls")
    with pytest.raises(RemoteProtocolError, match="not an SMTP reply"):
        look(MailServer(greeting="HTTP/1.1 400 Bad Request"), authority)


def test_the_whole_has_a_deadline() -> None:
    """However patient its parts are."""

    async def endless() -> Seen:
        await asyncio.sleep(30.0)
        return Seen()

    with pytest.raises(TransportError, match="did not end within"):
        asyncio.run(within(0.05, endless()))


def test_the_same_question_to_openssl() -> None:
    """An address is no server name; a v6 address has its brackets."""
    named, v6 = Target("mail.contoso.com", 587, ca_file="ca.pem"), Target("fd00::5", 465)

    assert openssl_line(named, "starttls") == (
        "openssl s_client -starttls smtp -crlf -showcerts -connect mail.contoso.com:587 "
        "-servername mail.contoso.com -verify_hostname mail.contoso.com -CAfile ca.pem"
    )
    assert openssl_line(v6, "tls") == "openssl s_client -crlf -showcerts -connect [fd00::5]:465"
