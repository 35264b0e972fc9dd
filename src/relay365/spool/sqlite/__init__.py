"""The spool of one machine, on SQLite: rows, moves, and the one writer."""

from relay365.spool.sqlite.spool import SqliteSpool as SqliteSpool
