# No permission in Entra at all: what the application may do stands in Exchange, for one mailbox (RBAC for Applications).
$access = @()
