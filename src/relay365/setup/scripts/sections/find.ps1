# The application, if an earlier run has made it.
$apps = @((Invoke-MgGraphRequest -Method GET -Uri ('v1.0/applications?$select=id,appId,displayName&$filter=' + $findApp)).value)
if ($apps.Count -gt 1) {
    throw "There are several applications named '$appName'. Rename or remove those that are not this relay's, then run this again."
}
$app = $apps[0]
