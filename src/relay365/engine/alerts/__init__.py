"""Alerts: what needs a person, told once by a way that works, and told again when it is healed (docs/alerts.md)."""
