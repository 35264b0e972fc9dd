"""What a lane may start next, and what it takes from which budget."""
