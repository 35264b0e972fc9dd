"""What `relay365 status` shows: the figures behind it, and their words."""
