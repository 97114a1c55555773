"""Attempts to break the sandbox, for `guerdon sandbox check`: a promise and a program each.

The programs are ours and harmless where nothing holds them; every one is run in a sandbox only.
"""

from guerdon.sandbox.attacks import files, forgery, kernel, leaks, processes, resources
from guerdon.sandbox.attacks.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *processes.ATTACKS,
    *resources.ATTACKS,
    *files.ATTACKS,
    *kernel.ATTACKS,
    *leaks.ATTACKS,
    *forgery.ATTACKS,
)

__all__ = ["ATTACKS", "Attack"]
