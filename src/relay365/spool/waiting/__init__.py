"""What waits, and what was used: the questions that decide who goes next."""
