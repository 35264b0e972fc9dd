"""Copies of a store: one instant of a live one, what a copy holds, and how a copy becomes a store again."""
