"""What the checker finds: one planted error each, and nothing in a good script."""

from __future__ import annotations

import pytest

from relay365.setup.powershell.checking import Fault, faults_of

HEAD = "[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]\nparam()\n"
ASKED = "if ($PSCmdlet.ShouldProcess('it', 'change')) {{\n    {}\n}}\n"


def _reasons(text: str) -> list[str]:
    return [fault.reason for fault in faults_of(HEAD + text)]


def test_a_good_script() -> None:
    """Nothing to find."""
    change = ASKED.format("Set-CASMailbox -Identity $m -SmtpClientAuthenticationDisabled $false")

    assert [] == _reasons(
        "$m = 'scan@contoso.com'\n$box = Get-Mailbox -Identity $m -ErrorAction SilentlyContinue\n" + change
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("New-ServicePrincipl -AppId 'a' -ObjectId 'b'", "no cmdlet that we know; did you mean New-ServicePrincipal?"),
        ("New-ServicePrincipal -AppId 'a' -ObjektId 'b'", "no parameter -ObjektId; did you mean ObjectId?"),
        ("New-ServicePrincipal -AppId 'a'", "New-ServicePrincipal needs -ObjectId"),
        ("New-InboundConnector -Name 'r' -ConnectorType OnPremises", "New-InboundConnector needs -SenderDomains"),
        ("Add-MailboxPermission -Identity 'a' -User 'b'", "Add-MailboxPermission needs -AccessRights"),
        ("Add-MailboxPermission -Identity 'a' -User 'b' -AccessRights FullAccess -Owner 'c'", "no form with -Owner"),
        ("New-ServicePrincipal -AppId 'a' -AppId 'b' -ObjectId 'c'", "-appid stands twice"),
        ("New-Mailbox -Shared 'yes' -Name 'a'", "-Shared of New-Mailbox is a switch"),
        ("Remove-ServicePrincipal -Identity -Confirm:$false", "-Identity of Remove-ServicePrincipal has no value"),
        ("Remove-ServicePrincipal 'a'", "without the name of its parameter"),
        ("Invoke-MgGraphRequest -Method POST -Uri 'v1.0/applications'", "has no -Body"),
        ("Invoke-MgGraphRequest -Method POST -Uri 'v1.0/users' -Body @{ a = 1 }", "no request to Graph that we know"),
        ("Invoke-MgGraphRequest -Method PATCH -Uri ('v1.0/users/' + 'a') -Body @{ a = 1 }", "no request to Graph"),
        ("New-ServicePrincipal -AppId $nobody -ObjectId 'b'", "$nobody is read before it is set"),
        ("New-ServicePrincipal -AppId 'a -ObjectId 'b'", "a quote that is not closed"),
        ("New-ServicePrincipal -AppId 'a' -ObjectId 'b' )", "')' where a value is expected"),
    ],
)  # fmt: skip
def test_planted_errors(line: str, reason: str) -> None:
    """Each is found in the line where it stands, and nothing else."""
    (fault,) = faults_of(HEAD + ASKED.format(line))

    assert reason in fault.reason
    assert fault.line in (3, 4)


def test_the_page_is_named() -> None:
    """A fault names Microsoft's page, where one says it."""
    (fault,) = faults_of(HEAD + ASKED.format("New-ServicePrincipal -AppId 'a'"))

    assert "exchangepowershell/new-serviceprincipal" in str(fault)
    assert "line 4: it (page)" == str(Fault(4, "it", "page"))


@pytest.mark.parametrize(
    "line",
    [
        "Remove-ServicePrincipal -Identity 'a' -Confirm:$false",
        "Invoke-MgGraphRequest -Method DELETE -Uri ('v1.0/applications/' + 'a')",
        "$x = @(New-ServicePrincipal -AppId 'a' -ObjectId 'b')",
    ],
)
def test_a_change_that_nobody_is_asked_about(line: str) -> None:
    """-WhatIf would not hold it back: that is a fault, also in a branch that asks nothing."""
    assert ["stands outside of ShouldProcess"] == [one[-31:] for one in _reasons(line)]
    assert ["stands outside of ShouldProcess"] == [one[-31:] for one in _reasons(f"if ($true) {{ {line} }}")]
    assert [] == _reasons(ASKED.format(line))


def test_a_script_without_the_binding() -> None:
    """Without it -WhatIf does not exist."""
    (fault,) = faults_of("$a = 1\n")

    assert "does not begin with [CmdletBinding" in fault.reason


def test_reading_needs_no_question() -> None:
    """Get and Graph's GET change nothing; Set-StrictMode neither."""
    assert [] == _reasons(
        "Set-StrictMode -Version 3\n$a = Get-AcceptedDomain\n"
        "$b = Invoke-MgGraphRequest -Method GET -Uri 'v1.0/applications?$top=1'\n"
    )
