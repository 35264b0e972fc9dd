$role = @($exchange.appRoles | Where-Object { $_.value -eq $permission })[0]
if (-not $role) {
    throw "Exchange Online knows no application permission $permission."
}
$access = @(@{ resourceAppId = '00000002-0000-0ff1-ce00-000000000000'; resourceAccess = @(@{ id = $role.id; type = 'Role' }) })
