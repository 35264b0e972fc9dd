"""Questions to our own listeners, as devices meet them, and as strangers would."""
