"""Ranks ways of sharing Microsoft's quotas, in virtual time: a day of a mailbox in seconds.

Separate from the other cases of bench because nothing here is measured: messages, Microsoft's counting and latencies
are drawn from seeded dice, so that every policy meets the same day. It ranks policies; it does not predict Microsoft.
"""
