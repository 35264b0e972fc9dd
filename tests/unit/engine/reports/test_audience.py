"""Who is told: ours, the owner of the device, the administrator; never the null path, never a stranger."""

from __future__ import annotations

import ipaddress
import tomllib

import pytest

from relay365.config import Config
from relay365.engine.reports.audience import Audience
from relay365.mail.envelope import SubmitterFacts

LAN = (ipaddress.ip_network("192.168.10.0/24"), "")
OFFICE = (ipaddress.ip_network("192.168.20.0/24"), "office@contoso.com")
HOUSE = Audience(
    frozenset({"contoso.com"}), {"scanner": "lena@contoso.com"}, (LAN, OFFICE), "admin@contoso.com"
)
FILE = """
server = { data = "x" }
queue = { reports_to = "admin@contoso.com" }
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "192.168.20.0/24"
bounces_to = "office@contoso.com"
[[device]]
name = "scanner"
match = { address = "192.168.10.9" }
bounces_to = "lena@contoso.com"
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { env = "SECRET" }
mailbox = "scan@fabrikam.com"
"""


def _from(address: str, *, device: str = "", login: str = "") -> SubmitterFacts:
    return SubmitterFacts("127.0.0.1:25", address, device=device, login=login)


@pytest.mark.parametrize(
    ("reverse_path", "submitter", "readers"),
    [
        ("scan@contoso.com", _from("192.168.10.5"), ("scan@contoso.com",)),
        ("scan@CONTOSO.com", _from("192.168.10.5"), ("scan@CONTOSO.com",)),
        (
            "scan@contoso.com",
            _from("192.168.10.9", device="scanner"),
            ("scan@contoso.com", "lena@contoso.com"),
        ),
        ("lena@contoso.com", _from("192.168.10.9", device="scanner"), ("lena@contoso.com",)),
        ("victim@elsewhere.test", _from("192.168.10.9", device="scanner"), ("lena@contoso.com",)),
        ("victim@elsewhere.test", _from("192.168.20.7"), ("office@contoso.com",)),
        ("victim@elsewhere.test", _from("::ffff:192.168.20.7"), ("office@contoso.com",)),
        ("victim@elsewhere.test", _from("192.168.20.7", login="erp"), ("admin@contoso.com",)),
        ("victim@elsewhere.test", _from("192.168.20.7", device="copier"), ("admin@contoso.com",)),
        ("victim@elsewhere.test", _from("192.168.10.5"), ("admin@contoso.com",)),
        ("victim@notcontoso.com", _from("no address"), ("admin@contoso.com",)),
        ("", _from("192.168.10.9", device="scanner"), ()),
    ],
)
def test_only_ours_are_told(reverse_path: str, submitter: SubmitterFacts, readers: tuple[str, ...]) -> None:
    """A sender of ours and the owner; the administrator where there is neither; for the null path nobody at all."""
    assert readers == HOUSE.readers(reverse_path, submitter)


def test_a_stranger_is_not_told_where_there_is_nobody_else() -> None:
    """Without an administrator's address the dead letter stays in the queue: no backscatter."""
    assert () == Audience(frozenset({"contoso.com"})).readers("victim@elsewhere.test", _from("192.168.10.5"))


def test_where_nothing_says_what_is_ours_the_sender_is_told() -> None:
    """A smart host without any domain named: a rule let the client in, and its sender is all that is known."""
    assert ("a@x.test",) == Audience().readers("a@x.test", _from("127.0.0.1"))


@pytest.mark.parametrize(
    ("more", "domains"),
    [("", {"fabrikam.com"}), ('[sender]\ndomains = ["Contoso.com", "c.test"]', {"contoso.com", "c.test"})],
)
def test_it_is_read_from_the_configuration(more: str, domains: set[str]) -> None:
    """[sender] domains, or those of the routes' mailboxes; bounces_to and reports_to as they stand."""
    audience = Audience.of(Config.model_validate(tomllib.loads(FILE + more)))

    assert domains == audience.domains
    assert {"scanner": "lena@contoso.com"} == audience.owners
    assert ((ipaddress.ip_network("192.168.20.0/24"), "office@contoso.com"),) == audience.networks
    assert "admin@contoso.com" == audience.reports_to


@pytest.mark.parametrize(
    ("submitter", "told"),
    [
        (_from("192.168.10.9", device="scanner"), ("lena@contoso.com",)),
        (_from("192.168.20.7"), ("office@contoso.com",)),
        (_from("192.168.10.5"), ("admin@contoso.com",)),
    ],
)
def test_what_a_device_never_sees_goes_to_its_owner_or_the_administrator(
    submitter: SubmitterFacts, told: tuple[str, ...]
) -> None:
    """Never to its sender, who was told that all is well; to nobody where neither is named."""
    assert told == HOUSE.owner_or_administrator(submitter)
    assert () == Audience().owner_or_administrator(submitter)
