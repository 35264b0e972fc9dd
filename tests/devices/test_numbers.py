"""The numbers that the tables of devices name, as they hold where nobody says anything else."""

from __future__ import annotations

import pytest

from relay365.app.doors import limits_of
from relay365.config import Config, parse
from relay365.engine.patience import Patience

HEAD = '[server]\ndata = "x"\n[[listener]]\naddress = "127.0.0.1:25"\n[[allow]]\nnetwork = "127.0.0.0/8"\n[[route]]\n'
ACCOUNT = (
    'tenant = "contoso.com"\nclient = "7a1e0c52-0000-4000-8000-000000000000"\nsecret = { env = "SECRET" }\n'
    'mailbox = "a@contoso.com"\n'
)
CONNECTOR = 'kind = "connector"\ndomain = "contoso.com"\n'


def config(route: str) -> Config:
    return parse(HEAD + route, "numbers")


def test_a_message_has_a_thousand_recipients() -> None:
    """B27: taken from the device in one message."""
    assert 1000 == limits_of(config(CONNECTOR)).recipients


@pytest.mark.parametrize("route", ['kind = "submission"\n' + ACCOUNT, 'kind = "graph"\n' + ACCOUNT])
def test_microsoft_gets_five_hundred_at_a_time(route: str) -> None:
    """B27: its own default for a mailbox, so a thousand leave as two."""
    assert 500 == config(route).route[0].recipients


def test_a_content_may_stand_still_for_ten_minutes_and_a_command_for_five() -> None:
    """B48: counted from the last octet, as long as what came earns it (500 octets a second)."""
    patience = Patience(limits_of(config(CONNECTOR)), 0.0)
    assert 300.0 == patience.left_s(0.0)
    patience.content_begins(100.0)
    assert 600.0 == patience.left_s(100.0)
    patience.content_came(500_000, 600.0)

    assert 600.0 == patience.left_s(600.0)
    assert 1.0 == patience.left_s(1199.0)
