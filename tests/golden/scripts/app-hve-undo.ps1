# relay365: takes back what relay365-setup.ps1 has made for scan@contoso.com.
# After it the relay cannot send by this road any more. The mailbox, and what is in it, stays.
#
# Made by relay365 1.0 on srv-relay, 2026-11-30. It may be run again at any time: what is right already is left alone.
#   .\relay365-undo.ps1 -WhatIf            says what it would do, and changes nothing
#   .\relay365-undo.ps1                    asks before each change
#   .\relay365-undo.ps1 -Confirm:$false    does not ask
# Where scripts are not allowed: powershell -ExecutionPolicy Bypass -File .\relay365-undo.ps1
# Needs, once: Install-Module Microsoft.Graph.Authentication, ExchangeOnlineManagement -Scope CurrentUser
#requires -Modules Microsoft.Graph.Authentication, ExchangeOnlineManagement
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param()
$ErrorActionPreference = 'Stop'

$tenantId = '7f3c0000-0000-4000-8000-0000000091aa'
$graphCloud = 'Global'
$appName = 'relay365 srv-relay'
$findApp = 'displayName%20eq%20%27relay365%20srv-relay%27'
$exchangeCloud = 'O365Default'
$mailbox = 'scan@contoso.com'
$senders = @('alerts@contoso.com')
$scopeName = 'relay365 scan@contoso.com'
$roles = @()

# Sign in to Entra: as an Application Administrator (or Cloud Application Administrator) who may consent, see below.
Connect-MgGraph -TenantId $tenantId -Environment $graphCloud -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome

# Sign in to Exchange Online: as an Exchange Administrator.
Connect-ExchangeOnline -ExchangeEnvironmentName $exchangeCloud -ShowBanner:$false

# The application, if an earlier run has made it.
$apps = @((Invoke-MgGraphRequest -Method GET -Uri ('v1.0/applications?$select=id,appId,displayName&$filter=' + $findApp)).value)
if ($apps.Count -gt 1) {
    throw "There are several applications named '$appName'. Rename or remove those that are not this relay's, then run this again."
}
$app = $apps[0]

# The application is no longer among the Allowed Apps of the High Volume Email account. The account stays.
if ($app) {
    $principal = @((Invoke-MgGraphRequest -Method GET -Uri ('v1.0/servicePrincipals?$filter=appId%20eq%20%27' + $app.appId + '%27')).value)[0]
    if ($principal) {
        if ($PSCmdlet.ShouldProcess($mailbox, 'take the High Volume Email account from the application')) {
            Remove-HVEAppAccess -Identity $mailbox -AppIds $principal.id -Confirm:$false
        }
    }
}

# The application, with its permissions and certificates. Entra keeps it for 30 days under "Deleted applications".
if ($app) {
    if ($PSCmdlet.ShouldProcess($appName, 'delete the application')) {
        Invoke-MgGraphRequest -Method DELETE -Uri ('v1.0/applications/' + $app.id)
    }
}
