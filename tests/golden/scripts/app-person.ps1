# relay365: an application that may send as the person who signs in for scan@contoso.com; it has no right of its own.
# relay365-undo.ps1 takes all of it back.
#
# Made by relay365 1.0 on srv-relay, 2026-11-30. It may be run again at any time: what is right already is left alone.
#   .\relay365-setup.ps1 -WhatIf            says what it would do, and changes nothing
#   .\relay365-setup.ps1                    asks before each change
#   .\relay365-setup.ps1 -Confirm:$false    does not ask
# Where scripts are not allowed: powershell -ExecutionPolicy Bypass -File .\relay365-setup.ps1
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

# "Office 365 Exchange Online" in this tenant: whose permissions are asked for, each found by its name.
$exchange = @((Invoke-MgGraphRequest -Method GET -Uri 'v1.0/servicePrincipals?$filter=appId%20eq%20%2700000002-0000-0ff1-ce00-000000000000%27').value)[0]
if (-not $exchange) {
    throw 'This tenant has no Exchange Online.'
}

# The application that a person signs in to once: it has no secret, and may only send mail as whoever signs in.
$scope = @($exchange.oauth2PermissionScopes | Where-Object { $_.value -eq 'SMTP.Send' })[0]
if (-not $scope) {
    throw 'Exchange Online knows no delegated permission SMTP.Send.'
}
$access = @(@{ resourceAppId = '00000002-0000-0ff1-ce00-000000000000'; resourceAccess = @(@{ id = $scope.id; type = 'Scope' }) })
if (-not $app) {
    if ($PSCmdlet.ShouldProcess($appName, 'register the application')) {
        $app = Invoke-MgGraphRequest -Method POST -Uri 'v1.0/applications' -Body @{
            displayName = $appName; signInAudience = 'AzureADMyOrg'; isFallbackPublicClient = $true
            publicClient = @{ redirectUris = @('http://localhost') }; requiredResourceAccess = $access
        }
    }
}

# The enterprise application: its object id, and not that of the registration, is what Exchange must know.
$principal = $null
if ($app) {
    $principal = @((Invoke-MgGraphRequest -Method GET -Uri ('v1.0/servicePrincipals?$filter=appId%20eq%20%27' + $app.appId + '%27')).value)[0]
    if (-not $principal) {
        if ($PSCmdlet.ShouldProcess($appName, 'create the enterprise application')) {
            $principal = Invoke-MgGraphRequest -Method POST -Uri 'v1.0/servicePrincipals' -Body @{ appId = $app.appId }
        }
    }
}

# The mailbox that sends.
$box = Get-Mailbox -Identity $mailbox -ErrorAction SilentlyContinue
if (-not $box) {
    throw "There is no mailbox $mailbox. Create it (a shared mailbox needs no licence), then run this again."
}

# SMTP AUTH for exactly this mailbox; the switch of the tenant stays as it is. OAuth needs it as well.
if ($box) {
    if ((Get-CASMailbox -Identity $mailbox).SmtpClientAuthenticationDisabled -ne $false) {
        if ($PSCmdlet.ShouldProcess($mailbox, 'switch SMTP AUTH on for this mailbox')) {
            Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false
        }
    }
}

# The last line is for the relay: relay365 init waits for it.
if ($app -and $principal) {
    Write-Output -InputObject ('R365:' + $tenantId + ':' + $app.appId + ':' + $principal.id + ':' + $app.id + ':' + $mailbox)
}
