"""[[tenant]]: what is written stands, what cannot be meant is refused with the nearest known word."""

from __future__ import annotations

import pytest

from relay365.config import ConfigErrors, parse
from relay365.config.tenants import Tenant, tenant_word, unknown_tenants

FILE = """
[server]
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "client.secret" }
mailbox = "scan@contoso.com"
[[route]]
kind = "connector"
domain = "fabrikam.com"
"""


def _errors(text: str) -> list[tuple[str, str, str]]:
    with pytest.raises(ConfigErrors) as errors:
        parse(FILE + text, "relay365.toml")
    return [(one.where, one.expected, one.hint) for one in errors.value.errors]


def test_everything_is_optional_but_the_name() -> None:
    """What is not written is Microsoft's, and is filled in where limits are known."""
    (tenant,) = parse(FILE + '[[tenant]]\nname = "Contoso.com"\n', "f").tenant

    assert {"name", "client_share_per_day"} == {
        key for key in type(tenant).model_fields if getattr(tenant, key)
    }
    assert tenant.bulk_window is None


def test_a_table_belongs_to_a_route_by_name_or_domain() -> None:
    """Whatever the letters' case; a connector names its domain, another route the tenant's id."""
    tenant = Tenant.model_validate({"name": "7A1E0C52-0000-4000-8000-000000000000", "domains": "Contoso.com"})

    assert [True, True, False] == [
        tenant.is_meant_by(word)
        for word in ("7a1e0c52-0000-4000-8000-000000000000", "contoso.com", "fabrikam.com")
    ]


def test_a_route_names_its_tenant_or_its_domain() -> None:
    """A smart host names none."""
    routes = parse(FILE + '[[route]]\nkind = "smarthost"\nhost = "mail.contoso.com:25"\n', "f").route

    assert ["contoso.com", "fabrikam.com", ""] == [tenant_word(route) for route in routes]
    both = [Tenant.model_validate({"name": name}) for name in ("FABRIKAM.com", "tailspin.com")]
    assert [("tenant", "tailspin.com", ("contoso.com", "fabrikam.com"))] == unknown_tenants(both, routes)


def test_a_tenant_that_no_route_means_is_a_typo() -> None:
    """With the nearest known one."""
    assert [
        (
            "relay365.toml: [[tenant]], name",
            "the tenant or domain of a [[route]]",
            "did you mean contoso.com?",
        )
    ] == _errors('[[tenant]]\nname = "contosso.com"\n')


def test_a_tenant_stands_once() -> None:
    """In any case of letters."""
    said = _errors('[[tenant]]\nname = "contoso.com"\n[[tenant]]\nname = "CONTOSO.com"\n')

    assert [("relay365.toml: [[tenant]], name", "a different one each time", "take one out")] == said


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('bulk_from = "18:00"', "bulk_from and bulk_until together"),
        ('bulk_from = "18:00"\nbulk_until = "18:00"', "bulk_from and bulk_until that differ"),
        ('bulk_from = "8 pm"', 'a time of the day such as "22:00"'),
        ('bulk_until = "24:00"', 'a time of the day such as "22:00"'),
        ("licences = 0", "greater than or equal to 1"),
        ("connections = 4", "less than or equal to 3"),
        ("reserve_per_day = -1", "greater than or equal to 0"),
        ("client_share_per_day = 0", "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: str, expected: str) -> None:
    """Times of the day, pairs, and numbers that leave nothing."""
    ((_, said, _),) = _errors(f'[[tenant]]\nname = "contoso.com"\n{keys}\n')

    assert expected == said


@pytest.mark.parametrize("name", ["", "contoso com", "-contoso.com", 'x"y'])
def test_a_name_is_a_domain_or_an_id(name: str) -> None:
    """Nothing else is a tenant."""
    with pytest.raises(ValueError, match="a tenant as the routes name it"):
        Tenant.model_validate({"name": name})


def test_bulk_may_run_over_midnight() -> None:
    """From the evening until the next morning."""
    tenant = Tenant.model_validate({"name": "contoso.com", "bulk_from": "20:00", "bulk_until": "05:30"})

    assert ("20:00", "05:30") == tenant.bulk_window
