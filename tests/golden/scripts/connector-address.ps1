# relay365: an inbound connector that knows the relay by the address 8.8.4.7.
# Whoever has that may send as this tenant to anybody: keep the key private, and the address your own.
# relay365-connector-undo.ps1 takes it back.
#
# Made by relay365 1.0 on srv-relay, 2026-11-30. It may be run again at any time: what is right already is left alone.
#   .\relay365-connector.ps1 -WhatIf            says what it would do, and changes nothing
#   .\relay365-connector.ps1                    asks before each change
#   .\relay365-connector.ps1 -Confirm:$false    does not ask
# Where scripts are not allowed: powershell -ExecutionPolicy Bypass -File .\relay365-connector.ps1
# Needs, once: Install-Module ExchangeOnlineManagement -Scope CurrentUser
#requires -Modules ExchangeOnlineManagement
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param()
$ErrorActionPreference = 'Stop'

$exchangeCloud = 'O365Default'
$connectorName = 'relay365'
$senderDomain = 'contoso.com'
$addresses = @('8.8.4.7')
$comment = 'relay365 1.0 on srv-relay'

# Sign in to Exchange Online: as an Exchange Administrator.
Connect-ExchangeOnline -ExchangeEnvironmentName $exchangeCloud -ShowBanner:$false

# The sender's domain (MAIL FROM) must be an accepted domain: of an address alone nothing else is relayed.
$accepted = @(Get-AcceptedDomain | Where-Object { $_.DomainName -eq $senderDomain })
if (-not $accepted) {
    throw "$senderDomain is no accepted domain of this tenant: nothing would be relayed."
}
$connector = @(Get-InboundConnector | Where-Object { $_.Name -eq $connectorName })[0]
if (-not $connector) {
    if ($PSCmdlet.ShouldProcess($connectorName, 'create the connector for the public address of the relay')) {
        $connector = New-InboundConnector -Name $connectorName -ConnectorType OnPremises -SenderDomains '*' -SenderIPAddresses $addresses -RequireTls $true -Comment $comment -Enabled $true
    }
} else {
    $missing = @($addresses | Where-Object { $connector.SenderIPAddresses -notcontains $_ })
    if ($missing -or -not $connector.Enabled) {
        if ($PSCmdlet.ShouldProcess($connectorName, 'set the connector to the public address of the relay')) {
            Set-InboundConnector -Identity $connectorName -ConnectorType OnPremises -SenderIPAddresses $addresses -RequireTls $true -Enabled $true
        }
    }
}

if ($connector) {
    Write-Output -InputObject ('R365:connector:' + $connectorName)
}
