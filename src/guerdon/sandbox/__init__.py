"""Run untrusted code: one async pool behind one interface, with the level of isolation you choose.

Nothing a model wrote is ever run in our own process, and nothing it says is taken for more than its
own output.
"""

from guerdon.sandbox.inside import values
from guerdon.sandbox.limits import Limits
from guerdon.sandbox.pool import IMPORTS, Sandbox
from guerdon.sandbox.results import Result, Status, Usage

__all__ = ["IMPORTS", "Limits", "Result", "Sandbox", "Status", "Usage", "values"]
