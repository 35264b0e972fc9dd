"""What becomes of a message inside the pretended tenant once it was accepted; no sockets."""
