"""Who sends: devices, logins, and what they say now."""
