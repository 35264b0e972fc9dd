"""Reads the configuration of another relay and makes ours of it: `relay365 import`."""
