"""What was: messages searched by what is known of them, and the troubles of their attempts. Reads only."""
