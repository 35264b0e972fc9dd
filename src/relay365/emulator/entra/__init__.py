"""Entra's side: the token endpoint and the discovery documents that lead to it."""
