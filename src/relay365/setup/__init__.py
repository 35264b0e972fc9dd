"""Setting up: from a clean machine to a delivered mail, with Microsoft's side made by scripts that can be read."""
