"""Who may come in: the list of rules, what an address must be, how often, and what wrong logins cost."""
