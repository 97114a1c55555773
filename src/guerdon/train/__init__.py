"""The training loop. Read `step.py` first: one step, in the order things happen."""
