"""Certificates of applications that are renewed with an overlap, by a person or by the running relay itself."""
