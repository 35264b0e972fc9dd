"""Telling people: who gets a report, and what is said about a lane."""
