"""A conversation with a mail server that is watched: its words, its times, its certificates."""
