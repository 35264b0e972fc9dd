"""The documents and the words of the shell."""
