"""What a sampled workflow earns, given how good its output is and what else is known of it.

A grade is a function of numbers: it asks nobody and knows no text. Tiers here are those of
`rewards.tiers`, which says how good an output is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from guerdon.errors import ConfigError, RewardError
from guerdon.types import Reward

TIERS = (0.0, 0.2, 0.4, 0.7, 1.0)

_LOOSE = 1.1
"""The cap of a workflow with nothing wrong in it."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one sampled workflow besides its output.

    Args:
        is_valid: it could be run, after repair.
        num_fixes: how much was repaired.
        num_calls, num_tokens, usd: of its run; the last two None where nobody tells.
        step: updates of the policy before it was sampled.
    """

    is_valid: bool = True
    num_fixes: int = 0
    num_calls: int = 0
    num_tokens: int | None = None
    usd: float | None = None
    step: int = 0


@runtime_checkable
class Grade(Protocol):
    """Turns the output's score and the facts into the reward."""

    def __call__(self, score: float | None, facts: Facts) -> Reward:
        """The reward; ``score`` is None where the workflow gave no output."""
        ...


def tier_of(score: float) -> int:
    """1 to 5: the highest tier a score reaches."""
    return sum(score >= tier - 1e-9 for tier in TIERS) if score > 0 else 1


# --- graded --------------------------------------------------------------------------------------


def graded(
    correctness: float, *, cost: float, num_fixes: int, cost_coef: float, fix_coef: float
) -> float:
    """r = c - cost_coef min(1, cost) [c > 0] - fix_coef num_fixes.

    Args:
        correctness: c, of the output, 0 to 1.
        cost: as a share of the budget.
    """
    spent = cost_coef * min(1.0, cost) if correctness > 0 else 0.0
    return correctness - spent - fix_coef * num_fixes


@dataclass(frozen=True, kw_only=True)
class Graded:
    """Correctness, less a little for cost and for repairs; see `graded`.

    A workflow without an output (it failed, or went over its budget) has c = 0; an invalid one
    earns ``-invalid``. Cost is taken off only where c > 0, so that giving up is never cheap.

    Args:
        cost_coef: what spending the whole budget costs.
        cost: what is counted. calls and tokens do not depend on who asked first; neither does usd,
            which is the price of the answers whether they were cached or not.
        budget: the most that counts, in that unit.
        fix_coef: for each repair, ``max_fixes`` of them at most.
        invalid: taken off an invalid workflow.
    """

    cost_coef: float = 0.1
    cost: Literal["calls", "tokens", "usd"] = "calls"
    budget: float = 12.0
    fix_coef: float = 0.02
    max_fixes: int = 5
    invalid: float = 0.2

    def __post_init__(self) -> None:
        problems = [
            f"Graded: {name} is {getattr(self, name)}; it must be 0 or more"
            for name in ("cost_coef", "fix_coef", "max_fixes", "invalid")
            if getattr(self, name) < 0
        ]
        if not self.budget > 0:
            problems.append(f"Graded: budget is {self.budget}; it must be above 0")
        if problems:
            raise ConfigError(problems)

    def __call__(self, score: float | None, facts: Facts) -> Reward:
        """The reward.

        Raises:
            RewardError: the cost is not known, and counts.
        """
        if not facts.is_valid:
            return Reward(-self.invalid, {"correctness": 0.0})
        fixes = min(facts.num_fixes, self.max_fixes)
        cost = self._cost(facts) / self.budget if self.cost_coef else 0.0
        value = graded(
            score or 0.0,
            cost=cost,
            num_fixes=fixes,
            cost_coef=self.cost_coef,
            fix_coef=self.fix_coef,
        )
        return Reward(value, {"correctness": score or 0.0, "cost": cost, "fixes": float(fixes)})

    def _cost(self, facts: Facts) -> float:
        known = {"calls": facts.num_calls, "tokens": facts.num_tokens, "usd": facts.usd}
        found = known[self.cost]
        if found is None:
            raise RewardError(
                f"Graded.cost is {self.cost}, and the executor does not tell its {self.cost}; "
                f"use cost=calls"
            )
        return float(found)


# --- tiers with a cap ----------------------------------------------------------------------------


def strictness(step: int) -> tuple[float, float]:
    """The caps for repaired workflows and for operators that do not suit the domain."""
    return (0.85, 0.4) if step < 50 else (0.7, 0.2) if step < 150 else (0.5, 0.0)


def structure_cap(
    *,
    step: int,
    num_fixes: int = 0,
    has_mismatch: bool = False,
    is_fallback: bool = False,
    num_downgrades: int = 0,
) -> float:
    """The most a workflow may earn, whatever its output.

    Operators that do not suit the domain: their cap, and nothing else counts. Otherwise the lowest
    of 0.4 for a fallback answer and the cap for repairs, or 1.1 without either; less 0.15 for each
    retry with fewer arguments, 0.3 at most. Our environment knows neither fallback answers nor
    such retries, and never runs a workflow with unsuitable operators; recorded rows have them.
    """
    for_fixes, for_mismatch = strictness(step)
    if has_mismatch:
        return for_mismatch
    caps = [0.4] * is_fallback + [for_fixes] * (num_fixes > 0)
    cap = min(caps, default=_LOOSE)
    return max(0.0, cap - min(0.15 * num_downgrades, 0.3)) if num_downgrades else cap


def snapped(value: float) -> float:
    """The nearest tier; of two as near, the lower."""
    return min(TIERS, key=lambda tier: abs(tier - value))


@dataclass(frozen=True, kw_only=True)
class TieredV2:
    """The output's tier, capped by the workflow's structure: min(tier, cap), snapped to a tier.

    Use it with the rewards of `rewards.tiers`. No output, or an invalid workflow: 0.

    Args:
        strict: the cap holds as it is; otherwise snapping takes one of 0.85 down to 0.7, and one
            retry with fewer arguments costs nothing.
    """

    strict: bool = False

    def __call__(self, score: float | None, facts: Facts) -> Reward:
        """The reward."""
        tier = score if score is not None and facts.is_valid else 0.0
        cap = structure_cap(step=facts.step, num_fixes=facts.num_fixes)
        value = min(tier, cap)
        return Reward(value if self.strict else snapped(value), {"tier": tier, "cap": cap})
