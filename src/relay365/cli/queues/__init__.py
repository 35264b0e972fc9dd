"""`relay365 queue` and its many verbs."""
