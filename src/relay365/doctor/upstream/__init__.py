"""Questions to the remote of each road: is it reached, is it who it should be, does it take our mail."""
