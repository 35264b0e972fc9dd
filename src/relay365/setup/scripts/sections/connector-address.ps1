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
