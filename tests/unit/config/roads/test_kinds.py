"""The tables of the ways out: one way to sign in, and the limits of each kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay365.config import Config, ConfigErrors, parse

HEAD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
"""
APP = 'tenant = "contoso.com"\nclient = "7a1e0c52-0000-4000-8000-000000000000"\nsecret = { file = "s" }\n'


def config(routes: str) -> Config:
    return parse(HEAD + routes, "relay365.toml")


def refusal(routes: str) -> str:
    with pytest.raises(ConfigErrors) as error:
        config(routes)
    return str(error.value)


@pytest.mark.parametrize(
    ("kind", "keys", "leads_to", "recipients"),
    [
        ("submission", APP + 'mailbox = "scan@contoso.com"', "smtp.office365.com:587", 500),
        ("graph", APP + 'mailboxes = ["a@contoso.com", "b@contoso.com"]', "https://graph.microsoft.com", 500),
        ("hve", APP + 'mailbox = "hve@contoso.com"\ndomains = "contoso.com"', "smtp.hve.mx.microsoft:587", 50),
        ("acs", 'user = "scanner"\npassword = { file = "s" }', "smtp.azurecomm.net:587", 50),
        ("connector", 'host = "contoso-com.mail.protection.outlook.com:25"',
         "contoso-com.mail.protection.outlook.com:25", 200),
        ("connector", 'domain = "contoso.com"', "contoso.com", 200),
        ("smarthost", 'host = "mail.contoso.com:587"', "mail.contoso.com:587", 1000),
    ],
)  # fmt: skip
def test_the_smallest_table_of_each_kind_is_good(
    kind: str, keys: str, leads_to: str, recipients: int
) -> None:
    """With Microsoft's host and limits where the file names none."""
    (route,) = config(f'[[route]]\nkind = "{kind}"\n{keys}').route

    assert (kind, leads_to, recipients) == (route.kind, route.leads_to(), route.recipients)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('kind = "submission"\nmailbox = "a@b.example"', "one of secret"),
        (f'kind = "submission"\n{APP}password = {{ file = "p" }}\nmailbox = "a@b.example"', "one of secret"),
        (f'kind = "submission"\n{APP}', "one of mailbox or mailboxes"),
        (
            f'kind = "graph"\n{APP}mailbox = "a@b.example"\nmailboxes = "c@b.example"',
            "one of mailbox or mailboxes",
        ),
        ('kind = "submission"\nmailbox = "a@b.example"\nlogin = "mailbox"', "tenant and client"),
        (
            'kind = "submission"\nmailbox = "a@b.example"\npfx_password = { file = "p" }',
            "pfx and pfx_password",
        ),
        (
            'kind = "submission"\nmailbox = "a@b.example"\npfx = { env = "PFX" }',
            "a PKCS#12 file is not text",
        ),
        (
            'kind = "submission"\nmailbox = "a@b.example"\nsecret_expires = 2027-05-01\nmanaged_identity = "system"',
            "secret_expires and secret together",
        ),
        ('kind = "connector"', "one of host or domain"),
        ('kind = "connector"\ndomain = "b.example"\nfind = "graph"', "one of secret"),
        ('kind = "acs"\npassword = { file = "p" }', "one of resource or user"),
        ('kind = "acs"\nresource = "mail"\npassword = { file = "p" }', "client and tenant with resource"),
        ('kind = "connector"\nhost = "mx.b.example:25"\nsource = "fd00::5"', "an IPv4 address"),
        (
            'kind = "connector"\nhost = "mx.b.example:25"\ncertificate = { env = "C" }\nkey = { file = "k" }',
            "they may be renewed",
        ),
        (f'kind = "hve"\n{APP}mailbox = "h@b.example"', "domains"),
        ('kind = "pigeon"', "one of submission, connector, graph, hve, acs, smarthost"),
    ],
)
def test_what_does_not_fit_together_is_named(keys: str, expected: str) -> None:
    """In the words of the file."""
    assert expected in refusal(f"[[route]]\n{keys}")


PAGE = Path(__file__).parents[4] / "docs" / "routes.md"


def test_the_tables_of_the_page_about_routes_are_good() -> None:
    """Each example can be copied as it stands; every kind but graph, which has a page of its own, has one."""
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    kinds = [config(one).route[0].kind for one in examples]

    assert ["submission", "connector", "hve", "acs", "smarthost"] == kinds


def test_a_managed_identity_needs_no_application() -> None:
    """The platform knows who we are."""
    text = '[[route]]\nkind = "submission"\nmanaged_identity = "system"\nmailbox = "scan@contoso.com"'
    (route,) = config(text).route

    assert {} == route.secrets()


def test_all_secrets_of_a_route_are_known_by_key() -> None:
    """`config check` looks at the rights of each file."""
    (route,) = config(f'[[route]]\nkind = "submission"\n{APP}mailbox = "scan@contoso.com"').route

    assert {"secret": '{ file = "s" }'} == {key: str(value) for key, value in route.secrets().items()}
