"""What a command asks of the service that runs on the same data directory, and what it hears."""
