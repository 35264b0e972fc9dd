"""How each kind of route is built from its table."""
