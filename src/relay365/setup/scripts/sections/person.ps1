# The application that a person signs in to once: it has no secret, and may only send mail as whoever signs in.
$scope = @($exchange.oauth2PermissionScopes | Where-Object { $_.value -eq 'SMTP.Send' })[0]
if (-not $scope) {
    throw 'Exchange Online knows no delegated permission SMTP.Send.'
}
$access = @(@{ resourceAppId = '00000002-0000-0ff1-ce00-000000000000'; resourceAccess = @(@{ id = $scope.id; type = 'Scope' }) })
if (-not $app) {
    if ($PSCmdlet.ShouldProcess($appName, 'register the application')) {
        $app = Invoke-MgGraphRequest -Method POST -Uri 'v1.0/applications' -Body @{
            displayName = $appName; signInAudience = 'AzureADMyOrg'; isFallbackPublicClient = $true
            publicClient = @{ redirectUris = @('http://localhost') }; requiredResourceAccess = $access
        }
    }
}
