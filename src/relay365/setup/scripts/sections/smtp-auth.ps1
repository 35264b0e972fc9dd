# SMTP AUTH for exactly this mailbox; the switch of the tenant stays as it is. OAuth needs it as well.
if ($box) {
    if ((Get-CASMailbox -Identity $mailbox).SmtpClientAuthenticationDisabled -ne $false) {
        if ($PSCmdlet.ShouldProcess($mailbox, 'switch SMTP AUTH on for this mailbox')) {
            Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false
        }
    }
}
