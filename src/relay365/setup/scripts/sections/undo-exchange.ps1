# What stands in Exchange. The mailbox and what is in it stay.
$service = @(Get-ServicePrincipal | Where-Object { $_.DisplayName -eq $appName })[0]
if ($service) {
    foreach ($name in $roles) {
        $assigned = @(Get-ManagementRoleAssignment -Role $name | Where-Object { $_.Name -eq ($name + ' ' + $scopeName) })
        if ($assigned) {
            if ($PSCmdlet.ShouldProcess($scopeName, "take the role $name from the application")) {
                Remove-ManagementRoleAssignment -Identity ($name + ' ' + $scopeName) -Confirm:$false
            }
        }
    }
    $held = @(Get-MailboxPermission -Identity $mailbox -User $service.Identity -ErrorAction SilentlyContinue | Where-Object { $_.AccessRights -contains 'FullAccess' })
    if ($held) {
        if ($PSCmdlet.ShouldProcess($mailbox, 'take Full Access from the application')) {
            Remove-MailboxPermission -Identity $mailbox -User $service.Identity -AccessRights FullAccess -Confirm:$false
        }
    }
    foreach ($sender in $senders) {
        $held = @(Get-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -ErrorAction SilentlyContinue)
        if ($held) {
            if ($PSCmdlet.ShouldProcess($sender, 'take Send As from the application')) {
                Remove-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -Confirm:$false
            }
        }
    }
    if ($PSCmdlet.ShouldProcess($appName, 'remove the entry of the application in Exchange')) {
        Remove-ServicePrincipal -Identity $service.Identity -Confirm:$false
    }
}
$scope = @(Get-ManagementScope | Where-Object { $_.Name -eq $scopeName })[0]
if ($scope) {
    if ($PSCmdlet.ShouldProcess($scopeName, 'remove the scope')) {
        Remove-ManagementScope -Identity $scopeName -Confirm:$false
    }
}
