# High Volume Email: the account takes the enterprise application by its object id, not by the application id.
if ($principal) {
    if ($PSCmdlet.ShouldProcess($mailbox, 'let the application send by this High Volume Email account')) {
        Add-HVEAppAccess -Identity $mailbox -AppIds $principal.id
    }
}
