"""Keeping: what a site is made of, taken away safely: backups, and bundles for whoever helps."""
