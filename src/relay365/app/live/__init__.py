"""A changed file in a running relay: what it changes, whether it can be, and then the change itself, all or nothing."""
