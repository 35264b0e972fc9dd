"""Whose domain it is, asked of a real HTTPS server and a real name server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.microsoft import Microsoft, microsoft
from relay365.net.resolve import MxHosts
from relay365.routes.identity.transport import Way
from relay365.setup import tenant
from relay365.setup.tenant import MailHost, NoTenant, find_mail_host, find_tenant


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    """A token service."""
    with microsoft(tmp_path_factory.mktemp("cloud")) as found:
        yield found


def test_a_tenant_is_found_by_its_domain(cloud: Microsoft) -> None:
    """Its id stands in the issuer of the discovery document."""
    found = find_tenant("contoso.com", str(cloud.facts["authority"]), Way(str(cloud.facts["ca_file"])))

    assert ("contoso.com", cloud.facts["tenant_id"]) == (found.domain, found.id)


def test_a_domain_without_a_tenant(cloud: Microsoft) -> None:
    """The token service's own words, and that it is sure."""
    with pytest.raises(NoTenant, match="AADSTS90002") as caught:
        find_tenant("fabrikam.example", str(cloud.facts["authority"]), Way(str(cloud.facts["ca_file"])))

    assert caught.value.is_sure


def test_nobody_answers(tmp_path: Path) -> None:
    """That is not the answer no."""
    with pytest.raises(NoTenant, match="cannot be asked") as caught:
        find_tenant("contoso.com", "https://127.0.0.1:1", Way())

    assert not caught.value.is_sure


@pytest.mark.parametrize(
    ("host", "is_microsoft"),
    [
        ("contoso-com.mail.protection.outlook.com", True), ("contoso-com.a1b2.MX.microsoft", True),
        ("mail.contoso.com", False),
        ("evil-mail.protection.outlook.com.example", False), ("", False),
    ],
)  # fmt: skip
def test_whose_mail_host(host: str, is_microsoft: bool) -> None:
    """Either form of Exchange Online's names."""
    assert is_microsoft is MailHost(host).is_microsoft


def test_the_preferred_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one; none is none; no answer says why."""
    from relay365.errors import TransportError

    async def two(*_: object) -> MxHosts:
        return MxHosts(("a.mx.microsoft", "b"), 60.0)

    async def none(*_: object) -> MxHosts:
        return MxHosts((), 0.0)

    async def away(*_: object) -> MxHosts:
        raise TransportError("resolve", "MX of contoso.com: timeout")

    found = []
    for answer in (two, none, away):
        monkeypatch.setattr(tenant, "mx_of", answer)
        found.append(find_mail_host("contoso.com"))

    assert [MailHost("a.mx.microsoft"), MailHost()] == found[:2]
    assert ("", True) == (found[2].host, "timeout" in found[2].unknown)
