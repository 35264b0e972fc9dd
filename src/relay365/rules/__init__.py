"""Decisions: facts in, decision out, nothing else."""
