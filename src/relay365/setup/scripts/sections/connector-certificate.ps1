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
