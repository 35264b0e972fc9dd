"""What is asked of Microsoft while a road is being set up: each try is one question with an answer for people."""
