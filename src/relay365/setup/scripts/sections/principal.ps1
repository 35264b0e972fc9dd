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
