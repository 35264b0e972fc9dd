# Sign in to Exchange Online: as an Exchange Administrator.
Connect-ExchangeOnline -ExchangeEnvironmentName $exchangeCloud -ShowBanner:$false
