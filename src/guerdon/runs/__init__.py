"""The run directory: the record of everything that happened, and what other tools read."""
