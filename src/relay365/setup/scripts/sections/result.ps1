# The last line is for the relay: relay365 init waits for it.
if ($app -and $principal) {
    Write-Output -InputObject ('R365:' + $tenantId + ':' + $app.appId + ':' + $principal.id + ':' + $app.id + ':' + $mailbox)
}
