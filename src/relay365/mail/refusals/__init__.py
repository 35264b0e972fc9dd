"""What a device hears when it is refused: all of it, each with its mark, and why and what to do for `explain`."""
