# The mailbox that sends: a shared one needs no licence and has no password.
$box = Get-Mailbox -Identity $mailbox -ErrorAction SilentlyContinue
if (-not $box) {
    if ($PSCmdlet.ShouldProcess($mailbox, 'create the shared mailbox')) {
        $box = New-Mailbox -Shared -Name $mailbox -DisplayName $mailbox -PrimarySmtpAddress $mailbox
    }
}
