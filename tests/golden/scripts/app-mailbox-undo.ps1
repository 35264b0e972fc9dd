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

# What stands in Exchange. The mailbox and what is in it stay.
$service = @(Get-ServicePrincipal | Where-Object { $_.DisplayName -eq $appName })[0]
if ($service) {
    foreach ($name in $roles) {
        $assigned = @(Get-ManagementRoleAssignment -Role $name | Where-Object { $_.Name -eq ($name + ' ' + $scopeName) })
        if ($assigned) {
            if ($PSCmdlet.ShouldProcess($scopeName, "take the role $name from the application")) {
                Remove-ManagementRoleAssignment -Identity ($name + ' ' + $scopeName) -Confirm:$false
            }
        }
    }
    $held = @(Get-MailboxPermission -Identity $mailbox -User $service.Identity -ErrorAction SilentlyContinue | Where-Object { $_.AccessRights -contains 'FullAccess' })
    if ($held) {
        if ($PSCmdlet.ShouldProcess($mailbox, 'take Full Access from the application')) {
            Remove-MailboxPermission -Identity $mailbox -User $service.Identity -AccessRights FullAccess -Confirm:$false
        }
    }
    foreach ($sender in $senders) {
        $held = @(Get-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -ErrorAction SilentlyContinue)
        if ($held) {
            if ($PSCmdlet.ShouldProcess($sender, 'take Send As from the application')) {
                Remove-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -Confirm:$false
            }
        }
    }
    if ($PSCmdlet.ShouldProcess($appName, 'remove the entry of the application in Exchange')) {
        Remove-ServicePrincipal -Identity $service.Identity -Confirm:$false
    }
}
$scope = @(Get-ManagementScope | Where-Object { $_.Name -eq $scopeName })[0]
if ($scope) {
    if ($PSCmdlet.ShouldProcess($scopeName, 'remove the scope')) {
        Remove-ManagementScope -Identity $scopeName -Confirm:$false
    }
}

# SMTP AUTH of the mailbox follows the switch of the tenant again.
if ((Get-CASMailbox -Identity $mailbox -ErrorAction SilentlyContinue).SmtpClientAuthenticationDisabled -eq $false) {
    if ($PSCmdlet.ShouldProcess($mailbox, 'let SMTP AUTH follow the switch of the tenant; answer no where another program needs it')) {
        Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $null
    }
}

# The application, with its permissions and certificates. Entra keeps it for 30 days under "Deleted applications".
if ($app) {
    if ($PSCmdlet.ShouldProcess($appName, 'delete the application')) {
        Invoke-MgGraphRequest -Method DELETE -Uri ('v1.0/applications/' + $app.id)
    }
}
