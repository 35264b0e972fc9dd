"""Trials of the whole on loopback: services as processes, real mail in, counted on the other side."""
