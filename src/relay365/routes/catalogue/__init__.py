"""The catalogue of replies: its rows, and how a pasted text finds one."""
