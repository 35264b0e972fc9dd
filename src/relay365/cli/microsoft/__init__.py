"""What is made and signed in at Microsoft: application, connector, tokens."""
