"""[[route]] and [[rule]]: the ways out, and which of them a message takes."""
