"""Microsoft Graph's side: mail, its folders, message trace, and what a tenant says about its domains."""
