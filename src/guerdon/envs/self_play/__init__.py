"""Self-play: one policy proposes tasks and solves them; a file for each way to tell their worth."""
