"""The composition root: a configuration in, a running relay out. The only package that knows concrete adapters.

Nothing is imported here: a command that wants one of its rooms must not wait for the whole house.
"""
