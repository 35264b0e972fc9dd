"""Copies of everything, and what a helper needs."""
