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
