"""Streams and TLS: the only asyncio sockets."""
