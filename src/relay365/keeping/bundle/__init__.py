"""Bundles: what a helper needs to know of a relay, without its secrets and without naming people."""
