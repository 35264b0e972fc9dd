"""The moving parts: listener, session, scheduler, keeper."""
