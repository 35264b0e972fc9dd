"""Questions to this machine: disk, queue, clock, rights, certificates."""
