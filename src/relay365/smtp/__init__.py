"""The protocol, both sides, without I/O: octets in, events out; replies in, octets out."""
