"""What Postfix writes its settings in: main.cf with its values, master.cf, lookup tables."""
