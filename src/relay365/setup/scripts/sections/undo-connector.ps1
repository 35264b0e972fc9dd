$connector = @(Get-InboundConnector | Where-Object { $_.Name -eq $connectorName })[0]
if ($connector) {
    if ($PSCmdlet.ShouldProcess($connectorName, 'remove the connector')) {
        Remove-InboundConnector -Identity $connectorName -Confirm:$false
    }
}
