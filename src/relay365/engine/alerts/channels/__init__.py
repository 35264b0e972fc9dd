"""The ways to people, one module for each."""
