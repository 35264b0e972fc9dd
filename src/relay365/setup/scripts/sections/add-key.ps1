# One more certificate for the application; the present one stays until it is taken out, so mail never stops.
if (-not $app) {
    throw "There is no application named '$appName'."
}
$credential = @{ type = 'AsymmetricX509Cert'; usage = 'Verify'; displayName = $keyName; key = $certificate }
$app = Invoke-MgGraphRequest -Method GET -Uri ('v1.0/applications/' + $app.id + '?$select=id,appId,displayName,keyCredentials')
$keys = @($app.keyCredentials)
if (@($keys.key) -notcontains $certificate) {
    if ($PSCmdlet.ShouldProcess($appName, 'add the next certificate of the relay; others stay')) {
        Invoke-MgGraphRequest -Method PATCH -Uri ('v1.0/applications/' + $app.id) -Body @{ keyCredentials = $keys + $credential }
    }
}
