# Further addresses that may stand as the sender.
if ($service) {
    foreach ($sender in $senders) {
        $held = @(Get-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -ErrorAction SilentlyContinue)
        if (-not $held) {
            if ($PSCmdlet.ShouldProcess($sender, 'let the application send as this address')) {
                $given = Add-RecipientPermission -Identity $sender -Trustee $service.Identity -AccessRights SendAs -Confirm:$false
            }
        }
    }
}
