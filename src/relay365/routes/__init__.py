"""Ways out: each hands one content to a remote for some recipients and says what became of each."""
