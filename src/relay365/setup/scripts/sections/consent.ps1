# Consent: this assignment is what the portal calls "Grant admin consent". It needs a Privileged Role Administrator.
if ($principal) {
    $held = @((Invoke-MgGraphRequest -Method GET -Uri ('v1.0/servicePrincipals/' + $principal.id + '/appRoleAssignments')).value)
    if (@($held.appRoleId) -notcontains $role.id) {
        if ($PSCmdlet.ShouldProcess($appName, "consent to $permission of Office 365 Exchange Online")) {
            $consent = Invoke-MgGraphRequest -Method POST -Uri ('v1.0/servicePrincipals/' + $principal.id + '/appRoleAssignments') -Body @{
                principalId = $principal.id; resourceId = $exchange.id; appRoleId = $role.id
            }
        }
    }
}
