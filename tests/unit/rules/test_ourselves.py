"""As whom alerts and reports go out."""

from __future__ import annotations

import pytest

from relay365.config import Config, parse
from relay365.rules.ourselves import doubts, has_letters, own_sender

HEAD = '[server]\ndata = "data"\n[[listener]]\naddress = "127.0.0.1:25"\n'
MAIL = '[[alerts.channel]]\nkind = "mail"\nto = "ops@fabrikam.com"\n'
ACCOUNT = 'tenant = "contoso.com"\nclient = "c"\npassword = { env = "P" }\n'
ROUTES = {
    "submission": f'[[route]]\nkind = "submission"\nmailbox = "scan@contoso.com"\n{ACCOUNT}',
    "pool": f'[[route]]\nkind = "submission"\nmailboxes = ["a@contoso.com", "b@contoso.com"]\n{ACCOUNT}',
    "by-domain": '[[route]]\nkind = "connector"\ndomain = "contoso.com"\n',
    "by-host": '[[route]]\nkind = "connector"\nhost = "contoso-com.mail.protection.outlook.com:25"\n',
    "acs": '[[route]]\nkind = "acs"\nuser = "smtp"\npassword = { env = "P" }\n',
    "smarthost": '[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:26"\ntls = "none"\n',
}
OURS, REWRITE = (
    '[sender]\ndomains = ["contoso.com"]\n',
    '[sender]\nforeign = "rewrite"\nrewrite_to = "relay@contoso.com"\n',
)


def _config(*parts: str) -> Config:
    return parse(HEAD + "".join(parts), "x.toml")


@pytest.mark.parametrize(
    ("route", "sender", "mailbox", "expected"),
    [
        ("submission", "", "scan@contoso.com", "scan@contoso.com"),
        ("pool", REWRITE, "b@contoso.com", "b@contoso.com"),
        ("by-domain", "", "", "postmaster@contoso.com"),
        ("by-domain", REWRITE, "", "relay@contoso.com"),
        ("by-host", "", "", ""),
        ("by-host", OURS, "", "postmaster@contoso.com"),
        ("acs", OURS, "", ""),
        ("acs", REWRITE, "", "relay@contoso.com"),
        ("smarthost", "", "", ""),
        ("smarthost", OURS, "", "postmaster@contoso.com"),
    ],
)
def test_as_whom_our_own_mail_goes(route: str, sender: str, mailbox: str, expected: str) -> None:
    """A mailbox as itself; else what the file says of our domains; never a guess that Microsoft refuses."""
    config = _config(sender, ROUTES[route])

    assert expected == own_sender(config, config.route[0], mailbox)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("submission", "acs", "smarthost"), []),
        (("submission", "acs", "smarthost", MAIL), ["acs", "smarthost"]),
        (("submission", "acs", "smarthost", f'{MAIL}route = "acs"\n'), ["acs"]),
        (("submission", "acs", "smarthost", f'{MAIL}route = "submission"\n'), []),
        (("pool", "by-domain", MAIL), []),
        (("by-host", MAIL), ["connector"]),
        (("by-host", OURS, MAIL), []),
        (("by-host", '[alerts]\nprobe_to = "ops@fabrikam.com"\n'), ["connector"]),
    ],
)
def test_where_no_sender_is_known(parts: tuple[str, ...], expected: list[str]) -> None:
    """Only of ways that may carry our own mail."""
    config = _config(*(ROUTES.get(one, one) for one in parts))

    assert expected == [one.route for one in doubts(config)]
    assert any("[alerts" in one for one in parts) is has_letters(config)


def test_each_way_says_why() -> None:
    """In the words of whoever refuses it, with what heals it."""
    config = _config(ROUTES["by-host"], ROUTES["acs"], ROUTES["smarthost"], MAIL)
    connector, acs, smarthost = doubts(config)

    assert "550 5.7.64" in connector.why
    assert ("MailFrom" in acs.why, "set [sender] rewrite_to to one of them") == (True, acs.do)
    assert "set [sender] domains, or rewrite_to" == connector.do == smarthost.do
    assert "route acs: no sender is known" in acs.what
