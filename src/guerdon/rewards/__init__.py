"""What a response earned, and why: one reward function a file.

A reward that cannot be computed raises ``RewardError``; wrong is 0. Names are not re-exported here,
so that naming one reward does not import the others.
"""
