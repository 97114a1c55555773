"""The run directory: the record of everything that happened, and the only thing other tools read."""
