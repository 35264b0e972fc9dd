"""What an attempt leaves behind: its outcomes as fates, and what it has used of the budgets."""
