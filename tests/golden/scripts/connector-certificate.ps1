# relay365: an inbound connector that knows the relay by the certificate relay.contoso.com.
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
$certificateName = 'relay.contoso.com'
$certificateDomain = 'contoso.com'
$comment = 'relay365 1.0 on srv-relay'

# Sign in to Exchange Online: as an Exchange Administrator.
Connect-ExchangeOnline -ExchangeEnvironmentName $exchangeCloud -ShowBanner:$false

# The domain of the certificate must be an accepted domain, or Exchange attributes the mail to nobody (MC1226222).
$accepted = @(Get-AcceptedDomain | Where-Object { $_.DomainName -eq $certificateDomain })
if (-not $accepted) {
    throw "$certificateDomain is no accepted domain of this tenant: a connector for the certificate $certificateName would relay nothing."
}
$connector = @(Get-InboundConnector | Where-Object { $_.Name -eq $connectorName })[0]
if (-not $connector) {
    if ($PSCmdlet.ShouldProcess($connectorName, "create the connector for the certificate $certificateName")) {
        $connector = New-InboundConnector -Name $connectorName -ConnectorType OnPremises -SenderDomains '*' -RequireTls $true -TlsSenderCertificateName $certificateName -Comment $comment -Enabled $true
    }
} elseif ($connector.TlsSenderCertificateName -ne $certificateName -or -not $connector.Enabled) {
    if ($PSCmdlet.ShouldProcess($connectorName, "set the connector to the certificate $certificateName")) {
        Set-InboundConnector -Identity $connectorName -ConnectorType OnPremises -RequireTls $true -TlsSenderCertificateName $certificateName -Enabled $true
    }
}

if ($connector) {
    Write-Output -InputObject ('R365:connector:' + $connectorName)
}
