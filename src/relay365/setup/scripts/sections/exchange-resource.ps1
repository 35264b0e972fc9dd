# "Office 365 Exchange Online" in this tenant: whose permissions are asked for, each found by its name.
$exchange = @((Invoke-MgGraphRequest -Method GET -Uri 'v1.0/servicePrincipals?$filter=appId%20eq%20%2700000002-0000-0ff1-ce00-000000000000%27').value)[0]
if (-not $exchange) {
    throw 'This tenant has no Exchange Online.'
}
