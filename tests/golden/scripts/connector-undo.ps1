# relay365: removes the inbound connector relay365. After it mail by this road is refused, 550 5.7.64.
#
# Made by relay365 1.0 on srv-relay, 2026-11-30. It may be run again at any time: what is right already is left alone.
#   .\relay365-connector-undo.ps1 -WhatIf            says what it would do, and changes nothing
#   .\relay365-connector-undo.ps1                    asks before each change
#   .\relay365-connector-undo.ps1 -Confirm:$false    does not ask
# Where scripts are not allowed: powershell -ExecutionPolicy Bypass -File .\relay365-connector-undo.ps1
# Needs, once: Install-Module ExchangeOnlineManagement -Scope CurrentUser
#requires -Modules ExchangeOnlineManagement
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param()
$ErrorActionPreference = 'Stop'

$exchangeCloud = 'O365Default'
$connectorName = 'relay365'

# Sign in to Exchange Online: as an Exchange Administrator.
Connect-ExchangeOnline -ExchangeEnvironmentName $exchangeCloud -ShowBanner:$false

$connector = @(Get-InboundConnector | Where-Object { $_.Name -eq $connectorName })[0]
if ($connector) {
    if ($PSCmdlet.ShouldProcess($connectorName, 'remove the connector')) {
        Remove-InboundConnector -Identity $connectorName -Confirm:$false
    }
}
