"""Which routes of a file ask for tokens."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from fakes.desk import PERSON, SECRET, SigningDesk
from relay365.cli.words.signing import calendar, nearest_end, person_route, signing_routes, way_of
from relay365.config import parse

SMARTHOST = '[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:26"\ntls = "none"\n'
PASSWORD = 'password = { env = "MAILBOX_PASSWORD" }'


def test_only_routes_with_oauth_ask_for_tokens(signing_desk: SigningDesk) -> None:
    """A password and a smart host need none."""
    signing_desk.write(app=SECRET, person=PERSON, basic=PASSWORD)
    file = signing_desk.directory / "relay365.toml"
    file.write_text(file.read_text() + SMARTHOST)

    assert ["app", "person"] == [one.name for one in signing_routes(file, "")]
    assert ["person"] == [one.name for one in signing_routes(file, "person")]
    assert "person" == person_route(file, "").name


@pytest.mark.parametrize(
    ("credentials", "route"),
    [({"app": SECRET}, ""), ({"app": SECRET, "person": PERSON}, "app"), ({"one": PERSON, "two": PERSON}, "")],
)
def test_a_person_must_be_meant_clearly(
    signing_desk: SigningDesk, credentials: dict[str, str], route: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No person, an application, or one of two: wrong use, in three lines."""
    signing_desk.write(**credentials)
    with pytest.raises(SystemExit) as left:
        person_route(signing_desk.directory / "relay365.toml", route)

    assert (2, 3) == (left.value.code, len(capsys.readouterr().err.splitlines()))


def test_a_route_that_is_not_there(signing_desk: SigningDesk, capsys: pytest.CaptureFixture[str]) -> None:
    """The routes that are there are named."""
    signing_desk.write(app=SECRET)
    with pytest.raises(SystemExit) as left:
        signing_routes(signing_desk.directory / "relay365.toml", "ap")

    assert (2, True) == (left.value.code, "the file has: app" in capsys.readouterr().err)


def test_the_nearest_end_of_all_routes(signing_desk: SigningDesk) -> None:
    """What ends first, with its route; a secret that cannot be read hides no other."""
    file = signing_desk.directory / "relay365.toml"
    lost = 'secret = { file = "nowhere" }'
    signing_desk.write(
        late=f"{SECRET}\nsecret_expires = 2099-01-01",
        soon=f"{SECRET}\nsecret_expires = 2098-01-01",
        lost=lost,
    )
    found = nearest_end(parse(file.read_text(), "relay365.toml"), file)
    signing_desk.write(plain=SECRET)

    assert found is not None
    assert ("soon", "client secret", "2098-01-01") == (found["route"], found["what"], found["at"][:10])
    assert None is nearest_end(parse(file.read_text(), "relay365.toml"), file)


def test_what_renews_itself_is_marked(signing_desk: SigningDesk) -> None:
    """The certificate that a listener has made for itself does; a secret never does."""
    from relay365.net.tls import own_certificate

    file = signing_desk.directory / "relay365.toml"
    signing_desk.write(app=f"{SECRET}\nsecret_expires = 2098-01-01")
    own_certificate(signing_desk.directory / "data" / "tls", ["relay.test"], time.time())
    own = calendar(parse(file.read_text(), "relay365.toml"), file)
    file.write_text(
        file.read_text().replace(
            'address = "127.0.0.1:2525"',
            'address = "127.0.0.1:2525"\ncertificate = { file = "data/tls/relay.pem" }\nkey = { file = "k" }',
        )
    )
    given = calendar(parse(file.read_text(), "relay365.toml"), file)

    assert [("listener 127.0.0.1:2525", True), ("app", False)] == [
        (one["of"], one["renews_itself"]) for one in own
    ]
    assert [False, False] == [one["renews_itself"] for one in given]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"login": "mailbox"}, "sign-in of a person"),
        ({"secret": "x"}, "client secret"),
        ({"certificate": "x"}, "certificate"),
        ({"pfx": "x"}, "certificate"),
        ({"app_certificate": "x"}, "certificate"),
        ({"workload_token": "x"}, "workload identity"),
        ({"managed_identity": "system"}, "managed identity (system)"),
        ({"password": "x"}, "password"),
        ({"host": "x"}, None),
    ],
)
def test_how_a_route_signs_in(table: dict[str, str], words: str | None) -> None:
    """In the words of `token status` and `status`."""
    assert words == way_of(SimpleNamespace(**table))
