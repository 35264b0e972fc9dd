"""The tables about who comes in: what they take, and what they say about the rest."""

from __future__ import annotations

import pytest

from relay365.config import Config, ConfigErrors, parse
from relay365.mail.tolerance import TOLERANCES

GOOD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
"""


def _parse(more: str) -> Config:
    return parse(GOOD + more, "x.toml")


def test_a_device_has_a_name_and_something_to_be_known_by() -> None:
    """Its match is required, and an empty one is refused with what may stand there."""
    with pytest.raises(ConfigErrors, match="at least one of address, login and helo"):
        _parse('[[device]]\nname = "ups-2"\nmatch = {}\n')


def test_tolerances_are_keys_of_the_file() -> None:
    """Each word of the closed list is a key of [tolerate], with the list's default, and of a device's own table."""
    config = _parse(
        '[[device]]\nname = "a"\nmatch = { helo = "X" }\ntolerate = { bare_lf_ends_data = true }\n'
    )

    assert {one.name: one.is_on for one in TOLERANCES} == config.tolerate.model_dump()
    assert {"bare_lf_ends_data": True} == config.device[0].tolerate.model_dump(exclude_none=True)


def test_a_tolerance_that_nobody_knows_is_an_error() -> None:
    """With the nearest name."""
    with pytest.raises(ConfigErrors) as error:
        _parse("[tolerate]\nno_bracket = true\n")

    assert "did you mean no_brackets?" == error.value.errors[0].hint


def test_a_rewritten_sender_needs_a_target() -> None:
    """foreign = "rewrite" says nothing without an address."""
    with pytest.raises(ConfigErrors, match="rewrite_to"):
        _parse('[sender]\nforeign = "rewrite"\n')


def test_one_value_needs_no_list() -> None:
    """address = "10.0.0.1" is a list of one, and so are senders, recipients and our own domains."""
    config = _parse(
        '[[device]]\nname = "a"\nmatch = { address = "10.0.0.1" }\nsenders = "@contoso.com"\n'
        'recipients = "own-domains"\n[sender]\ndomains = "contoso.com"\n'
    )
    device = config.device[0]

    assert ["10.0.0.1/32"] == [str(one) for one in device.match.address]
    assert (("@contoso.com",), ("own-domains",)) == (device.senders, device.recipients)
    assert ("contoso.com",) == config.sender.domains


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('senders = "contoso.com"', 'a mail address, or a whole domain such as "@contoso.com"'),
        ('senders = ["@"]', 'a mail address, or a whole domain such as "@contoso.com"'),
        ('senders = "own-domains"', 'a mail address, or a whole domain such as "@contoso.com"'),
        ('recipients = "own_domains"', 'or "own-domains"'),
        ('recipients = ["@*.contoso.com", "@contoso..com"]', 'or "own-domains"'),
        ('sender = "scan"', 'a mail address such as "scan@contoso.com"'),
        ('listener = "127.0.0.1:26"', "the address of a [[listener]]"),
        ('recipients = "own-domains"', "domains of our own"),
        ("per_minute = 0", "greater than or equal to 1"),
    ],
)
def test_a_rule_that_could_not_work_is_an_error(line: str, expected: str) -> None:
    """An address that is none, a listener that is not there, own domains that nobody has named."""
    with pytest.raises(ConfigErrors) as error:
        _parse(f'[[device]]\nname = "a"\nmatch = {{ address = "10.0.0.1" }}\n{line}\n')

    assert expected in error.value.errors[0].expected


def test_a_listener_that_is_not_there_is_answered_with_those_that_are() -> None:
    """The nearest one where it is a slip, else all; for a device as for a network."""
    device = '[[device]]\nname = "a"\nmatch = { address = "10.0.0.1" }\nlistener = "%s"\n'
    network = '[[allow]]\nnetwork = "10.0.0.0/8"\nlistener = "%s"\n'
    hints = []
    for table in (device, network):
        for address in ("127.0.0.1:2", "192.168.99.99:2525"):
            with pytest.raises(ConfigErrors) as error:
                _parse(table % address)
            hints.append(error.value.errors[0].hint)

    assert ["did you mean 127.0.0.1:25?", "the file has 127.0.0.1:25"] * 2 == hints


def test_a_name_that_anybody_can_say_keeps_no_mail() -> None:
    """accept_then_report needs an address or a login; else a stranger could fill the queue with what is refused."""
    with pytest.raises(ConfigErrors, match="accept_then_report"):
        _parse('[[device]]\nname = "a"\nmatch = { helo = "x" }\naccept_then_report = true\n')

    (device,) = _parse('[[device]]\nname = "a"\nmatch = { login = "x" }\naccept_then_report = true\n').device
    assert device.accept_then_report


@pytest.mark.parametrize(
    "table",
    [
        '[[allow]]\nnetwork = "10.0.0.0/8"\nlogin = "required"\n',
        '[[allow]]\nnetwork = "10.0.0.0/8"\nlogin = "never"\n',
        '[[device]]\nname = "a"\nmatch = { helo = "X" }\n',
        '[[device]]\nname = "a"\nmatch = { login = "a" }\n',
        '[[device]]\nname = "a"\nmatch = { address = "10.0.0.1", login = "a" }\n',
    ],
)
def test_any_password_opens_nothing_that_is_shut(table: str) -> None:
    """Whoever needs a login, or is known by something that anybody can say, cannot have it; false says nothing."""
    with pytest.raises(ConfigErrors, match='any_password only with login = "optional"'):
        _parse(table + "tolerate = { any_password = true }\n")
    assert _parse(table + "tolerate = { any_password = false }\n")
