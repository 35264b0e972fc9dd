"""From nothing or from another relay to a configuration."""
