if ($connector) {
    Write-Output -InputObject ('R365:connector:' + $connectorName)
}
