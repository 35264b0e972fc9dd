"""What the tables forbid together, and what they give."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from relay365.cli.setup.config import HEAD, SMARTHOST, SUBMISSION
from relay365.config import Config, ConfigErrors, SecretRef, parse

PASSWORD = 'user = "r"\npassword = { env = "P" }\n'
SECRET = 'secret = { file = "/etc/relay365/client.secret" }'


def _route(text: str) -> Config:
    return parse(HEAD + text, "f")


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (SUBMISSION.replace(SECRET, ""), "one of secret, certificate with key, pfx"),
        (SUBMISSION.replace(SECRET, SECRET + '\npassword = { env = "P" }'), "one of secret"),
        (SUBMISSION.replace(SECRET, 'certificate = { file = "c" }'), "certificate and key together"),
        (SUBMISSION.replace('tenant = "contoso.com"', ""), "tenant and client"),
        (SUBMISSION + "connections = 4\n", "less than or equal to 3"),
        (SMARTHOST + 'user = "relay"\n', "user and password together"),
        (SMARTHOST.replace('"required"', '"none"') + PASSWORD, "never sent in clear"),
        (SMARTHOST.replace('"required"', '"opportunistic"') + PASSWORD, "never sent in clear"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(route: str, words: str) -> None:
    """Exactly one credential, whole pairs, Microsoft's limits, and no password without verified TLS."""
    with pytest.raises(ConfigErrors, match=words):
        _route(route)


def test_a_listeners_certificate_is_a_file() -> None:
    """Both halves, and both as files: TLS reads them by name."""
    listener = HEAD.replace("[[allow]]", 'certificate = { env = "C" }\nkey = { file = "k" }\n[[allow]]')
    with pytest.raises(ConfigErrors, match="certificate and key as"):
        parse(listener + SMARTHOST, "f")


@pytest.mark.parametrize(
    "twice",
    [
        '[[allow]]\nnetwork = "192.168.10.0/24"\n',
        '[[listener]]\naddress = "192.168.10.5:25"\n',
        '[[user]]\nname = "a"\npassword_hash = "x"\n[[user]]\nname = "a"\npassword_hash = "y"\n',
    ],
)
def test_nothing_stands_twice(twice: str) -> None:
    """The second of two equal networks, addresses or logins would silently be nothing."""
    with pytest.raises(ConfigErrors, match="a different one each time"):
        parse(HEAD + SMARTHOST + twice, "f")


def test_routes_have_different_names() -> None:
    """A given name is kept; the others are named after their kind, with a number where that is taken."""
    named = SMARTHOST + 'name = "smarthost"\n'

    assert ("smarthost-2", "smarthost", "submission") == _route(SMARTHOST + named + SUBMISSION).route_names()


def test_a_reference_shows_where_and_is_exactly_one() -> None:
    """Its text is what stands in the file; two ways or none are no reference."""
    assert '{ file = "x" }' == str(SecretRef(file="x")) == repr(SecretRef(file="x"))
    for ways in ({}, {"file": "x", "env": "Y"}):
        with pytest.raises(ValidationError, match="one of"):
            SecretRef(**ways)


def test_a_configuration_cannot_be_changed() -> None:
    """It is a value: whoever wants another reads another."""
    config = _route(SMARTHOST)
    with pytest.raises(ValidationError, match="frozen"):
        config.server.data = "elsewhere"
