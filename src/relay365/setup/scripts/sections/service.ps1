# Exchange's own entry of the application; one with a wrong object id, the classic mistake, is replaced.
$service = $null
if ($principal) {
    $service = @(Get-ServicePrincipal | Where-Object { $_.AppId -eq $app.appId })[0]
    if ($service -and ($service.ObjectId -ne $principal.id)) {
        if ($PSCmdlet.ShouldProcess($appName, 'remove the entry in Exchange, which has a wrong object id')) {
            Remove-ServicePrincipal -Identity $service.Identity -Confirm:$false
            $service = $null
        }
    }
    if (-not $service) {
        if ($PSCmdlet.ShouldProcess($appName, 'tell Exchange of the application')) {
            $service = New-ServicePrincipal -AppId $app.appId -ObjectId $principal.id -DisplayName $appName
        }
    }
}
