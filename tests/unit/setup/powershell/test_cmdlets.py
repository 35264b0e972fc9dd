"""The table of documented cmdlets."""

from __future__ import annotations

import re

from relay365.setup.powershell.cmdlets import cmdlets, common, graph_calls


def test_every_cmdlet_has_its_page() -> None:
    """A page of Microsoft's that bears the cmdlet's name, and at least one form."""
    for name, one in cmdlets().items():
        assert one.page.startswith("https://learn.microsoft.com/powershell/module/")
        assert one.page.endswith(f"/{name}")
        assert one.sets


def test_the_forms_of_one() -> None:
    """New-ServicePrincipal needs both ids; ServiceId, which its page calls deprecated, is not there."""
    (form,) = cmdlets()["new-serviceprincipal"].sets

    assert {"appid", "objectid"} == form.needed
    assert "serviceid" not in form.names
    assert {"confirm", "whatif"} == form.switches
    assert "AppId" == cmdlets()["new-serviceprincipal"].names["appid"]


def test_common_parameters() -> None:
    """Those that every cmdlet takes."""
    assert {"verbose", "debug"} == common().switches
    assert "erroraction" in common().names


def test_graph_calls() -> None:
    """A path with {} is any one segment; each call has its page."""
    assert all(re.match(r"https://learn\.microsoft\.com/graph/api/", call.page) for call in graph_calls())
    (update,) = (call for call in graph_calls() if call.method == "PATCH")

    assert update.matches("PATCH", "v1.0/applications/{}")
    assert not update.matches("PATCH", "v1.0/applications/a/b")
    assert not update.matches("GET", "v1.0/applications/a")
