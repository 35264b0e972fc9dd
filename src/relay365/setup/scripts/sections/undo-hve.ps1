# The application is no longer among the Allowed Apps of the High Volume Email account. The account stays.
if ($app) {
    $principal = @((Invoke-MgGraphRequest -Method GET -Uri ('v1.0/servicePrincipals?$filter=appId%20eq%20%27' + $app.appId + '%27')).value)[0]
    if ($principal) {
        if ($PSCmdlet.ShouldProcess($mailbox, 'take the High Volume Email account from the application')) {
            Remove-HVEAppAccess -Identity $mailbox -AppIds $principal.id -Confirm:$false
        }
    }
}
