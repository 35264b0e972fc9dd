"""The service: start, change, drain, look at, and how much it may send."""
