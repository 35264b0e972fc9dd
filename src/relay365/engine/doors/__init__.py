"""What stands at the doors: decisions about who comes in, with a clock and a journal."""
