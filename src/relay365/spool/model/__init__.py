"""The rows of the reference model (spool.memory), and what it answers beside the queue itself."""
