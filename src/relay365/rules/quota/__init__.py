"""Who goes next, and what a message takes from which of Microsoft's budgets."""
