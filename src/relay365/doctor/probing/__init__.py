"""The probe: what a mail server offers, shows and speaks, for a person."""
