"""The zoo: what devices really say, one transcript per deviation that was seen, and who plays them to a relay."""
