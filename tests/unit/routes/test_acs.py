"""Azure Communication Services: the login that its resource makes."""

from __future__ import annotations

from relay365.routes.acs import Acs, user_name
from relay365.routes.wire.route import WireRoute


def test_the_login_is_resource_client_and_tenant() -> None:
    """Joined by bars, in this order (Microsoft: "Create credentials for SMTP authentication")."""
    assert "mail|7a1e0c52|contoso" == user_name("mail", "7a1e0c52", "contoso")


def test_it_is_a_road_of_its_own_kind() -> None:
    """The kind is what the file says."""
    assert (True, "acs") == (issubclass(Acs, WireRoute), Acs.kind)
