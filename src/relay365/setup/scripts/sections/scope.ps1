# RBAC for Applications: the application may send, in a scope that holds this mailbox and no other.
if ($box -and $service) {
    $scope = @(Get-ManagementScope | Where-Object { $_.Name -eq $scopeName })[0]
    if (-not $scope) {
        if ($PSCmdlet.ShouldProcess($scopeName, 'create the scope with this one mailbox')) {
            $scope = New-ManagementScope -Name $scopeName -RecipientRestrictionFilter ('Guid -eq ''' + $box.Guid + '''')
        }
    }
    foreach ($name in $roles) {
        $assigned = @(Get-ManagementRoleAssignment -Role $name | Where-Object { $_.Name -eq ($name + ' ' + $scopeName) })
        if (-not $assigned) {
            if ($PSCmdlet.ShouldProcess($scopeName, "give the application the role $name in this scope")) {
                $given = New-ManagementRoleAssignment -Name ($name + ' ' + $scopeName) -Role $name -App $app.appId -CustomResourceScope $scopeName
            }
        }
    }
}
