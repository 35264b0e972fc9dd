"""Versions, key exchange and suites, from a handshake that is played."""

from __future__ import annotations

import asyncio
import ssl

from relay365.doctor.probing.versions import exchanges, open_context, suites, versions
from relay365.doctor.wire.talk import Shown
from relay365.errors import TransportError


def server(*takes: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2):
    """A handshake of a server that has one version and some suites, best first."""

    async def shake(context: ssl.SSLContext) -> Shown:
        offered = {one["name"] for one in context.get_ciphers()}
        chosen = next((one for one in takes if one in offered), None)
        if not context.minimum_version <= version <= context.maximum_version or chosen is None:
            raise TransportError("tls", "sslv3 alert handshake failure")
        return Shown("TLSv1.2", chosen, ())

    return shake


def test_each_version_is_asked_alone() -> None:
    """The newest first; why not stands with what failed; least leaves older ones out."""
    found = asyncio.run(versions(server("AES128-SHA"), "1.1"))

    assert [("1.3", False), ("1.2", True), ("1.1", False)] == [(one.version, one.is_spoken) for one in found]
    assert "sslv3 alert handshake failure" == found[0].why_not


def test_how_keys_are_exchanged() -> None:
    """Each way alone."""
    assert ["RSA"] == asyncio.run(exchanges(server("AES128-SHA"), "1.2"))
    both = server("ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA")
    assert ["ECDHE", "RSA"] == asyncio.run(exchanges(both, "1.2"))


def test_suites_come_in_the_servers_order() -> None:
    """Each is left out of the next offer, until nothing is taken."""
    order = ("AES256-SHA", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA")

    assert list(order) == asyncio.run(suites(server(*order), "1.2"))


def test_who_always_takes_the_same_ends_it() -> None:
    """A server that ignores what it was offered does not keep us."""

    async def shake(context: ssl.SSLContext) -> Shown:
        return Shown("TLSv1.2", "AES128-SHA", ())

    assert ["AES128-SHA"] == asyncio.run(suites(shake, "1.2"))


def test_a_context_for_looking_believes_everything() -> None:
    """And offers what the relay never would."""
    context = open_context()

    assert (False, ssl.CERT_NONE) == (context.check_hostname, context.verify_mode)
    assert any(one["name"] == "AES128-SHA" for one in context.get_ciphers())
