"""Signing in to Microsoft: credentials, the tokens that they give, and the sign-in of a person."""
