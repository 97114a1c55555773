"""What turns a task and some models into rewarded trajectories: one environment a file.

An environment owns its reward. Names are not re-exported here, so that naming one environment does
not import the others.
"""
