# The mailbox that sends.
$box = Get-Mailbox -Identity $mailbox -ErrorAction SilentlyContinue
if (-not $box) {
    throw "There is no mailbox $mailbox. Create it (a shared mailbox needs no licence), then run this again."
}
