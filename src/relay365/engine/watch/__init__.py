"""Watching: what the relay counts, and the page that a monitoring system reads it from (docs/metrics.md)."""
