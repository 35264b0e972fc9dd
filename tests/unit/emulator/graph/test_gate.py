"""Tokens, permissions and rates at the door."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.entra.grants import Consent
from relay365.emulator.entra.signing import Claims, object_id
from relay365.emulator.graph.answers import GraphError
from relay365.emulator.graph.gate import Gate
from relay365.emulator.house.parts import Parts

GRAPH = "https://graph.microsoft.com"


@pytest.fixture
def gate_of(parts_of: Callable[..., Parts]) -> Callable[..., tuple[Gate, Parts]]:
    def make(**settings: Any) -> tuple[Gate, Parts]:
        parts = parts_of(**settings)
        return Gate(parts.directory, parts.tokens, parts.clock), parts

    return make


def _claims(*roles: str, user: str = "", scopes: tuple[str, ...] = ()) -> Claims:
    return Claims(GRAPH, "app", user, frozenset(roles), frozenset(scopes), 2e9)


@pytest.mark.parametrize(
    ("claims", "application", "row"),
    [
        (_claims("Mail.Send"), {}, ""),
        (_claims("Mail.ReadWrite"), {}, "denied"),
        (_claims(), {"graph_rbac": ("Mail.Send",), "graph_scope": ("SCAN@contoso.com",)}, ""),
        (_claims(), {"graph_rbac": ("Mail.Send",), "graph_scope": ("erp@contoso.com",)}, "denied"),
        (_claims(), {"graph_rbac": ("Mail.ReadWrite",), "graph_scope": ("scan@contoso.com",)}, "denied"),
        (_claims("Mail.Send"), {"graph_rbac": ("Mail.Send",), "graph_scope": ("erp@contoso.com",)}, ""),
        (_claims(user="scan@contoso.com", scopes=("Mail.Send",)), {}, ""),
        (_claims(user="scan@contoso.com", scopes=("User.Read",)), {}, "denied"),
        (_claims(user="erp@contoso.com", scopes=("Mail.Send",)), {}, "denied"),
        (_claims(user="Member@contoso.com", scopes=("Mail.Send",)), {}, ""),
    ],
)
def test_who_may_send_from_a_mailbox(
    gate_of: Callable[..., Any], claims: Claims, application: dict[str, Any], row: str
) -> None:
    """Entra's grant is for all, RBAC's for its scope, and they add up; a user has the own and the shared mailboxes."""
    gate, parts = gate_of(application=application, members=("member@contoso.com",))
    state = parts.directory.mailbox("scan@contoso.com")

    if row:
        with pytest.raises(GraphError, match=row):
            gate.check_mailbox(claims, state, "Mail.Send")
    else:
        assert gate.check_mailbox(claims, state, "Mail.Send") is None


def test_a_mailbox_by_its_names(gate_of: Callable[..., Any]) -> None:
    """A mailbox is found by address, object id and "me"; by an alias it is not, and switched off it is 404."""
    gate, parts = gate_of()
    tenant_id = parts.directory.identity.tenant_id
    mine = _claims(user="scan@contoso.com")
    names = ("Scan@contoso.com", object_id(tenant_id, "scan@contoso.com"), "me")

    assert ["scan@contoso.com"] * 3 == [gate.mailbox(name, mine).settings.address for name in names]
    with pytest.raises(GraphError, match="no-user"):
        gate.mailbox("scanner@contoso.com", mine)
    parts.directory.mailbox("scan@contoso.com").change({"rest": False})
    with pytest.raises(GraphError, match="no-rest"):
        gate.mailbox("me", mine)


@pytest.mark.parametrize(
    ("authorization", "row"),
    [
        ("", "no-token"), ("Bearer", "no-token"), ("Basic abc", "no-token"), ("Bearer a.b.c", "bad-token"),
        ("smtp", "wrong-audience"), ("old", "old-token"),
    ],
)  # fmt: skip
def test_bad_tokens(gate_of: Callable[..., Any], clock: FakeClock, authorization: str, row: str) -> None:
    """No token, nonsense, one for SMTP and an old one are 401 with their own words and a challenge."""
    gate, parts = gate_of()
    if authorization in ("smtp", "old"):
        audience = GRAPH if authorization == "old" else "https://outlook.office365.com"
        authorization = f"bearer {parts.tokens.signer.access_token({'aud': audience}, 60)}"
        clock.pass_s(60.0 if row == "old-token" else 0.0)

    with pytest.raises(GraphError) as caught:
        gate.claims(authorization)
    assert (row, 401, True) == (
        caught.value.row,
        caught.value.status,
        "WWW-Authenticate" in caught.value.headers,
    )


def test_a_users_token_is_read(gate_of: Callable[..., Any]) -> None:
    """A delegated token tells its user and scopes."""
    gate, parts = gate_of()
    code = parts.tokens.grants.code(Consent("scan@contoso.com", "Mail.Send"), "http://localhost", "", "")
    form = {"grant_type": "authorization_code", "client_id": parts.directory.identity.client_id, "code": code,
            "redirect_uri": "http://localhost"}  # fmt: skip

    claims = gate.claims(f"Bearer {parts.tokens.grant('contoso.com', form).token}")

    assert ("scan@contoso.com", {"Mail.Send", "Mail.ReadWrite", "User.Read"}) == (claims.user, claims.scopes)


@pytest.mark.parametrize(("per", "row"), [("application", "parallel"), ("mailbox", "")])
def test_how_many_at_once(gate_of: Callable[..., Any], per: str, row: str) -> None:
    """The border holds over all mailboxes or for each; a place that is given back can be had again."""
    gate, _ = gate_of(graph={"parallel": 1, "parallel_per": per})
    claims = _claims("Mail.Send")
    expected = pytest.raises(GraphError, match=row) if row else contextlib.nullcontext()
    with (
        gate.at_once(claims, "scan@contoso.com"),
        expected as caught,
        gate.at_once(claims, "erp@contoso.com"),
    ):
        assert not row

    assert not row or caught.value.headers == {"Retry-After": "10"}
    with gate.at_once(claims, "scan@contoso.com"):
        assert 1 <= gate.most_parallel


@pytest.mark.parametrize(
    ("settings", "n_octets"), [({"requests_per_10_min": 1}, 0), ({"upload_octets_per_5_min": 100}, 60)]
)
def test_rates(
    gate_of: Callable[..., Any], clock: FakeClock, settings: dict[str, int], n_octets: int
) -> None:
    """Requests and octets have their windows by mailbox; Retry-After leads to where there is room again."""
    gate, _ = gate_of(graph=settings)
    claims = _claims("Mail.Send")
    gate.count(claims, "scan@contoso.com", n_octets)
    gate.count(claims, "erp@contoso.com", n_octets)

    with pytest.raises(GraphError, match="throttled") as caught:
        gate.count(claims, "scan@contoso.com", n_octets)
    clock.pass_s(float(caught.value.headers["Retry-After"]))
    assert gate.count(claims, "scan@contoso.com", n_octets) is None


def test_the_rate_of_message_trace(gate_of: Callable[..., Any], clock: FakeClock) -> None:
    """Trace has a rate of the whole tenant, and before it needs its service principal."""
    gate, parts = gate_of(graph={"trace_requests_per_5_min": 1})
    gate.count_trace()
    with pytest.raises(GraphError, match="throttled"):
        gate.count_trace()
    clock.pass_s(300.0)
    assert gate.count_trace() is None
    parts.directory.change_graph({"trace_principal": False})
    with pytest.raises(GraphError, match="no-principal"):
        gate.count_trace()


def test_permissions_on_the_tenant(gate_of: Callable[..., Any]) -> None:
    """What is about the tenant wants one of its roles."""
    gate, _ = gate_of()

    assert gate.check_tenant(_claims("Domain.Read.All"), "Domain.Read.All", "Directory.Read.All") is None
    with pytest.raises(GraphError, match="no-consent"):
        gate.check_tenant(_claims("Mail.Send"), "Domain.Read.All")
