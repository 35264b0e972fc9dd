"""Microsoft's side on loopback, built from public documents only."""
