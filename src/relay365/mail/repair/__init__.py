"""Repair: what is put right in a message on its way in. Octets and an instant in, edits and their record out."""
