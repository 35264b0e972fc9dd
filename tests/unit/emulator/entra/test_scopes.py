"""Scopes: one resource, known permissions, and consent."""

from __future__ import annotations

import pytest

from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.scopes import GRAPH, Asked, asked_by_application, asked_for_user, consented

OUTLOOK = "https://outlook.office.com"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (f"{OUTLOOK}/SMTP.Send offline_access", (OUTLOOK, {"SMTP.Send"}, True, False)),
        ("openid profile Mail.Send", (GRAPH, {"Mail.Send"}, False, True)),
        (f"{GRAPH}/.default", (GRAPH, {".default"}, False, False)),
        ("openid", (GRAPH, {"User.Read"}, False, True)),
    ],
)
def test_what_a_user_is_asked_for(scope: str, expected: tuple[str, set[str], bool, bool]) -> None:
    """Bare names are Graph's, reserved scopes are no permissions, and openid alone reads the user."""
    resource, permissions, is_offline, is_openid = expected

    assert Asked(resource, frozenset(permissions), is_offline, is_openid) == asked_for_user(
        scope, "contoso.com"
    )


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        (f"{OUTLOOK}/SMTP.Send {GRAPH}/Mail.Send", 28000),
        (f"{OUTLOOK}/Mail.Send", 70011),
        ("https://unknown.example/SMTP.Send", 500011),
    ],
)
def test_what_cannot_be_asked_for(scope: str, number: int) -> None:
    """Two resources, a permission of another resource, and an unknown resource are each refused by their number."""
    with pytest.raises(Refusal, match=f"^AADSTS{number}$"):
        asked_for_user(scope, "contoso.com")


def test_an_application_asks_for_default_only() -> None:
    """An application's own scope is one resource with .default."""
    assert GRAPH == asked_by_application(f"{GRAPH}/.default", "contoso.com")
    for scope, number in ((f"{GRAPH}/Mail.Send", 70011), ("https://unknown.example/.default", 500011)):
        with pytest.raises(Refusal, match=f"^AADSTS{number}$"):
            asked_by_application(scope, "contoso.com")


def test_consent() -> None:
    """A token has all that was consented to on its resource; what was not is AADSTS65001."""
    asked = asked_for_user("Mail.Send", "contoso.com")

    assert {"Mail.Send", "User.Read"} == consented(asked, ("Mail.Send", "User.Read", "SMTP.Send"), "app")
    with pytest.raises(Refusal, match=r"^AADSTS65001$"):
        consented(asked, ("User.Read",), "app")
