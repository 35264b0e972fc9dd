# SMTP AUTH of the mailbox follows the switch of the tenant again.
if ((Get-CASMailbox -Identity $mailbox -ErrorAction SilentlyContinue).SmtpClientAuthenticationDisabled -eq $false) {
    if ($PSCmdlet.ShouldProcess($mailbox, 'let SMTP AUTH follow the switch of the tenant; answer no where another program needs it')) {
        Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $null
    }
}
