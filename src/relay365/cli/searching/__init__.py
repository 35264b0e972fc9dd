"""What has been: one message, all of them, and what they were told."""
