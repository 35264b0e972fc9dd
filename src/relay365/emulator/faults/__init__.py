"""The table of moods: what can be wrong on Microsoft's side on demand."""
