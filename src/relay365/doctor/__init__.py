"""Questions to the whole way of a message, each answered by a finding that a person can act on.

Nothing is sent, and nothing is changed but what `--fix` is asked to put right. Where a road leads stands in the
configuration and nowhere else.
"""
