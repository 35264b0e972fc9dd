"""[[rule]]: which routes a message may take. Names are those of the file, sizes leave room between them."""

from __future__ import annotations

import pytest

from relay365.config import Config, ConfigErrors, parse

HEAD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[device]]
name = "erp"
match = { address = "192.0.2.7" }
[[route]]
kind = "smarthost"
host = "mail.contoso.com:587"
"""


def config(rule: str) -> Config:
    return parse(f"{HEAD}[[rule]]\n{rule}", "relay365.toml")


def test_a_rule_names_what_must_fit_and_where_it_leads() -> None:
    """One value may stand without the brackets of a list."""
    (rule,) = config('device = "erp"\nrecipients = "external"\nlarger_than = "3M"\nroutes = "smarthost"').rule

    assert (("erp",), ("external",), 3 * 1024**2, ("smarthost",), 900.0) == (
        rule.device, rule.recipients, rule.larger_than, rule.routes, rule.after,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('routes = "smarthots"', "did you mean smarthost?"),
        ('device = "crm"\nroutes = "smarthost"', "the name of a [[device]]"),
        ('routes = "smarthost"\nrecipients = "all"', '"external"'),
        ('routes = "smarthost"\nlarger_than = "3M"\nsmaller_than = "3M"', "larger_than below smaller_than"),
        ("routes = []", "at least one of routes"),
        ('routes = "smarthost"\npriority = "urgent"', "alarm"),
        ('routes = "smarthost"\ndigest = 1', "digest: 0 for never, or at least 2"),
        ('routes = "smarthost"\ndigest = 201', "200"),
    ],
)
def test_what_the_file_does_not_have_is_named(rule: str, expected: str) -> None:
    """A rule that could never fit, or leads nowhere, is an error and not silence."""
    with pytest.raises(ConfigErrors) as error:
        config(rule)

    assert expected in str(error.value)
