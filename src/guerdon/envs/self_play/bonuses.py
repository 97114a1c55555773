"""What a proposal may earn on top of its difficulty: for being intricate, or unlike others."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import fmean

from guerdon.envs.self_play.problems import Problem
from guerdon.errors import ConfigError
from guerdon.tasks import similarity

_BRANCHES = (
    ast.If, ast.For, ast.While, ast.IfExp, ast.BoolOp, ast.Try, ast.comprehension, ast.Lambda,
    ast.Match, ast.With,
)  # fmt: skip
_INTRICATE = 15
"""Branches from which a program is as intricate as counts."""


@dataclass(frozen=True, kw_only=True)
class Bonuses:
    """Terms added to a proposer's reward, if that is above 0; each min(coefficient x, ``most``).

    Args:
        complexity: coefficient of the program's branches, nested ones counted by their depth, over
            15, at most 1.
        diversity: coefficient of 1 - the similarity (3-word shingles) to the references, their
            mean; nothing without references.
        most: bound of each term.
    """

    complexity: float = 0.0
    diversity: float = 0.0
    most: float = 0.5

    def __post_init__(self) -> None:
        problems = [
            f"{field.name} is {getattr(self, field.name)}; it must be at least 0"
            for field in fields(self)
            if not getattr(self, field.name) >= 0
        ]
        if problems:
            raise ConfigError(problems)

    def of(self, problem: Problem, references: Sequence[Problem]) -> dict[str, float]:
        """The terms by name; those with coefficient 0 are left out."""
        found = {}
        if self.complexity:
            found["complexity"] = min(self.complexity * complexity(problem.program), self.most)
        if self.diversity and references:
            found["diversity"] = min(self.diversity * diversity(problem, references), self.most)
        return found


def complexity(program: str) -> float:
    """Branches of a program, each counted once per branch it stands in, over 15; at most 1."""
    return min(_branches(ast.parse(program), 1) / _INTRICATE, 1.0)


def diversity(problem: Problem, references: Sequence[Problem]) -> float:
    """1 - the mean similarity to the references, of 3 words in a row."""
    own = similarity.signature(problem.program)
    near = [similarity.similarity(own, similarity.signature(r.program)) for r in references]
    return 1.0 - fmean(near)


def _branches(node: ast.AST, depth: int) -> int:
    total = 0
    for child in ast.iter_child_nodes(node):
        is_branch = isinstance(child, _BRANCHES)
        total += (depth if is_branch else 0) + _branches(child, depth + is_branch)
    return total
