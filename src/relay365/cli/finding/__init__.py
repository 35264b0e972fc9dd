"""What is wrong, and what heals it."""
