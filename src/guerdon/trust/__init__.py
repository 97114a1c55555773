"""Is a reward worth learning from? Measured against labels, attacked, and watched during a run.

Everything here takes any `RewardFn`, knows none of them, and changes no reward.
"""
