"""Several messages that are sent as one."""
