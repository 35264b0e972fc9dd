"""How the emulator stands: its ports, its TLS contexts, its HTTP servers, and what its parts share."""
