"""How long a message may live: what its lane keeps it back for a person or a quota does not count."""
