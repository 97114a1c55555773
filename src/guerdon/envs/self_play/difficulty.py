"""What proposer and solver earn: pure functions of the solve rate, the same in every mode.

Proposer, of a valid task with solve rate s (the mean score of n answers), before ``ends``:

    one_minus   1 - s, but 0 at s = 0      hard is good, as long as somebody solves it
    inverse     1 - s                      hard is good
    band        4 s (1 - s)                half solved is best

Where that is 0 the task taught nothing, and ``ends`` says what that is worth: 0 (Absolute Zero's
paper, eq. 4) or -0.5 (its code). With n = 8:

    s          0/8    1/8    2/8    3/8    4/8    5/8    6/8    7/8    8/8
    one_minus  ends   0.875  0.75   0.625  0.5    0.375  0.25   0.125  ends
    inverse    1      0.875  0.75   0.625  0.5    0.375  0.25   0.125  ends
    band       ends   0.4375 0.75   0.9375 1      0.9375 0.75   0.4375 ends
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from guerdon.errors import ConfigError

Shape = Literal["one_minus", "inverse", "band"]
"""How a task's worth follows from its solve rate."""


def difficulty_reward(solve_rate: float, shape: Shape = "one_minus", ends: float = 0.0) -> float:
    """What proposing a valid task is worth; the table is at the head of this file.

    Args:
        solve_rate: mean score of the answers, in [0, 1].
        shape: see above.
        ends: the reward where the shape gives 0.

    Source: Zhao et al. 2025 (arXiv:2505.03335), eq. 4, which is ``one_minus`` with ``ends`` 0.
    """
    assert 0.0 <= solve_rate <= 1.0, solve_rate
    if shape == "band":
        worth = 4.0 * solve_rate * (1.0 - solve_rate)
    elif shape == "one_minus" and solve_rate == 0.0:
        worth = 0.0
    else:
        worth = 1.0 - solve_rate
    return worth if worth > 0.0 else ends


@dataclass(frozen=True, kw_only=True)
class RewardTable:
    """All rewards of self-play where an answer is right or wrong.

    | Who | What | Reward |
    |---|---|---|
    | either | the reply has not the form that was asked for, or the task is invalid | ``invalid`` |
    | proposer | a valid task | ``difficulty_reward(s, shape, ends)`` |
    | solver | a wrong answer | ``wrong`` |
    | solver | a right answer | ``correct`` |

    Args:
        shape: how a task's worth follows from its solve rate.
        ends: the worth of a task that teaches nothing: 0 as in Absolute Zero's paper, -0.5 as in
            its code.
    """

    shape: Shape = "one_minus"
    ends: float = 0.0
    invalid: float = -1.0
    wrong: float = -0.5
    correct: float = 1.0

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {getattr(self, name)}; it must be a number"
            for name in ("ends", "invalid", "wrong", "correct")
            if not math.isfinite(getattr(self, name))
        ]
        if self.ends > 0:
            problems.append(
                f"ends is {self.ends}: tasks that teach nothing would earn it; give 0 or below"
            )
        if not self.invalid <= self.wrong < self.correct:
            problems.append(
                f"invalid={self.invalid}, wrong={self.wrong}, correct={self.correct}: they must "
                f"rise, or the policy learns the opposite"
            )
        if problems:
            raise ConfigError(problems)

    def proposer(self, solve_rate: float | None) -> float:
        """Of a task with this solve rate; None: the task is invalid."""
        if solve_rate is None:
            return self.invalid
        return difficulty_reward(solve_rate, self.shape, self.ends)

    def solver(self, score: float | None) -> float:
        """Of an answer, 1 right and 0 wrong, or in between; None: there is no answer to score."""
        if score is None:
            return self.invalid
        return self.wrong + score * (self.correct - self.wrong)
