# The application may use this mailbox, and no other.
if ($box -and $service) {
    $held = @(Get-MailboxPermission -Identity $mailbox -User $service.Identity -ErrorAction SilentlyContinue | Where-Object { $_.AccessRights -contains 'FullAccess' })
    if (-not $held) {
        if ($PSCmdlet.ShouldProcess($mailbox, 'give the application Full Access to this mailbox')) {
            $given = Add-MailboxPermission -Identity $mailbox -User $service.Identity -AccessRights FullAccess
        }
    }
}
