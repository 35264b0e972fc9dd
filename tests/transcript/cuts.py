"""Cutting octets into pieces, for everything that must not care."""

from __future__ import annotations


def sliced(octets: bytes, sizes: list[int]) -> list[bytes]:
    """The octets in pieces of these sizes; the rest as one piece."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(octets[start : start + size])
        start += size
    return [*pieces, octets[start:]]


def singly(octets: bytes) -> list[bytes]:
    """Every octet alone."""
    return sliced(octets, [1] * len(octets))
