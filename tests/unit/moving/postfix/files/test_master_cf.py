"""Services, their ports and their -o."""

from __future__ import annotations

import pytest

from relay365.moving.postfix.files.master_cf import services_of


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("smtp", "", 25), ("submission", "", 587), ("smtps", "", 465), ("2525", "", 2525), ("wonder", "", 0),
        ("127.0.0.1:10025", "127.0.0.1", 10025), ("[::1]:smtp", "::1", 25), (":25", "", 25), ("99999", "", 0),
    ],
)  # fmt: skip
def test_a_service_has_a_port(name: str, host: str, port: int) -> None:
    """By name or number, with or without an address; 0 where it is none that is known."""
    (service,), broken = services_of(f"{name} inet n - y - - smtpd\n")

    assert (host, port, True, []) == (service.host, service.port, service.is_listener, broken)


def test_options_are_read_in_every_form() -> None:
    """-o a=b, -oa=b, -o { a = b c }; -v is no parameter; a line may go on."""
    text = "smtp inet n - y - - smtpd -v\n  -o a=b -oc=d\n  -o { e = f g }\n"
    (service,), _ = services_of(text)

    assert {"a": "b", "c": "d", "e": "f g"} == service.options
    assert "master.cf:1" == service.where


def test_a_password_is_not_shown() -> None:
    """What -o says of passwords stays out of the words for people."""
    (service,), _ = services_of("smtp unix - - y - - smtp -o smtp_sasl_password_maps=static:a:secret\n")

    assert "smtp unix smtp -o smtp_sasl_password_maps=..." == str(service)
    assert not service.is_listener


def test_a_line_that_is_no_service_is_told() -> None:
    """Fewer than eight fields, and a brace without its partner."""
    services, broken = services_of("a b c\nsmtp inet n - y - - smtpd -o { a = b\n")

    assert ([], ["master.cf:1", "master.cf:2"]) == (services, [where for where, _ in broken])
