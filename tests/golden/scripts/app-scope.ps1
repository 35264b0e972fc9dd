# relay365: an application that may send by SMTP from scan@contoso.com, and use no other mailbox.
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
$roles = @('Application SMTP.SendAsApp')
$keyName = 'relay365 srv-relay 2026-11'
$certificate = 'REVS'

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

# No permission in Entra at all: what the application may do stands in Exchange, for one mailbox (RBAC for Applications).
$access = @()

# The application and the relay's certificate. Its private key stays on the relay.
$credential = @{ type = 'AsymmetricX509Cert'; usage = 'Verify'; displayName = $keyName; key = $certificate }
if (-not $app) {
    if ($PSCmdlet.ShouldProcess($appName, 'register the application, with the certificate of the relay')) {
        $app = Invoke-MgGraphRequest -Method POST -Uri 'v1.0/applications' -Body @{
            displayName = $appName; signInAudience = 'AzureADMyOrg'; keyCredentials = @($credential); requiredResourceAccess = $access
        }
    }
} else {
    $app = Invoke-MgGraphRequest -Method GET -Uri ('v1.0/applications/' + $app.id + '?$select=id,appId,displayName,keyCredentials')
    $keys = @($app.keyCredentials)
    if (@($keys.key) -notcontains $certificate) {
        if ($PSCmdlet.ShouldProcess($appName, 'add the certificate of the relay; others stay')) {
            Invoke-MgGraphRequest -Method PATCH -Uri ('v1.0/applications/' + $app.id) -Body @{ keyCredentials = $keys + $credential }
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

# Exchange's own entry of the application; one with a wrong object id, the classic mistake, is replaced.
$service = $null
if ($principal) {
    $service = @(Get-ServicePrincipal | Where-Object { $_.AppId -eq $app.appId })[0]
    if ($service -and ($service.ObjectId -ne $principal.id)) {
        if ($PSCmdlet.ShouldProcess($appName, 'remove the entry in Exchange, which has a wrong object id')) {
            Remove-ServicePrincipal -Identity $service.Identity -Confirm:$false
            $service = $null
        }
    }
    if (-not $service) {
        if ($PSCmdlet.ShouldProcess($appName, 'tell Exchange of the application')) {
            $service = New-ServicePrincipal -AppId $app.appId -ObjectId $principal.id -DisplayName $appName
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

# RBAC for Applications: the application may send, in a scope that holds this mailbox and no other.
if ($box -and $service) {
    $scope = @(Get-ManagementScope | Where-Object { $_.Name -eq $scopeName })[0]
    if (-not $scope) {
        if ($PSCmdlet.ShouldProcess($scopeName, 'create the scope with this one mailbox')) {
            $scope = New-ManagementScope -Name $scopeName -RecipientRestrictionFilter ('Guid -eq ''' + $box.Guid + '''')
        }
    }
    foreach ($name in $roles) {
        $assigned = @(Get-ManagementRoleAssignment -Role $name | Where-Object { $_.Name -eq ($name + ' ' + $scopeName) })
        if (-not $assigned) {
            if ($PSCmdlet.ShouldProcess($scopeName, "give the application the role $name in this scope")) {
                $given = New-ManagementRoleAssignment -Name ($name + ' ' + $scopeName) -Role $name -App $app.appId -CustomResourceScope $scopeName
            }
        }
    }
}

# Further addresses that may stand as the sender.
if ($service) {
    foreach ($sender in $senders) {
        $held = @(Get-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -ErrorAction SilentlyContinue)
        if (-not $held) {
            if ($PSCmdlet.ShouldProcess($sender, 'let the application send as this address')) {
                $given = Add-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -Confirm:$false
            }
        }
    }
}

# The last line is for the relay: relay365 init waits for it.
if ($app -and $principal) {
    Write-Output -InputObject ('R365:' + $tenantId + ':' + $app.appId + ':' + $principal.id + ':' + $app.id + ':' + $mailbox)
}
