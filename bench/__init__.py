"""Benchmarks against peers: relay365 and other servers under the same load, in turn, with paired ratios."""
