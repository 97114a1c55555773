"""Rubrics: what a judge is told to look for, as YAML files of ``conf/judge/`` or one's own.

A rubric says who the judge is, what counts and what the scale means. How material is marked off,
and how the verdict must be written, is not its business: every rubric gets that from ``judging``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from guerdon.config.build import parse
from guerdon.config.compose import SHIPPED, duplicate_keys
from guerdon.errors import ConfigError
from guerdon.rewards.verdict import Score

RUBRICS = SHIPPED / "judge"

Kind = Literal["score", "pair", "list"]


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """What a judge is told.

    Args:
        kind: one response on a scale, two compared, or several ranked.
        role: the first words of the system message: what the judge is there for.
        criteria: what makes a response good or bad, most important first.
        low, high: the scale of a score; ``low`` becomes the reward 0, ``high`` the reward 1.
        whole: only whole numbers are on the scale.
        bands: what parts of the scale mean, such as ``1-3: ...``.
        reference: whether ``task.answer`` is shown: ``required`` (a task without one is an error),
            ``optional`` (where there is one) or ``unused``.
        question: False: the task's prompt is not shown; what is judged stands for itself.
    """

    kind: Kind = "score"
    role: str
    criteria: str
    low: float = 1.0
    high: float = 10.0
    whole: bool = True
    bands: Mapping[str | int, str] = field(default_factory=dict)
    reference: Literal["required", "optional", "unused"] = "optional"
    question: bool = True

    def __post_init__(self) -> None:
        problems = []
        if not self.low < self.high:
            problems.append(f"low: must be below high, got {self.low:g} and {self.high:g}")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            problems.append(f"whole: is true, and {self.low:g} or {self.high:g} is no whole number")
        if self.bands and self.kind != "score":
            problems.append(f"bands: a rubric of kind {self.kind} has no scale; remove them")
        for name in ("role", "criteria"):
            if not getattr(self, name).strip():
                problems.append(f"{name}: is empty")
        if problems:
            raise ConfigError(problems)

    @property
    def scale(self) -> Score:
        """What a score must look like."""
        return Score(self.low, self.high, self.whole)

    def unit(self, score: float) -> float:
        """A score of the scale as a reward in [0, 1]."""
        return (score - self.low) / (self.high - self.low)

    def text(self) -> str:
        """The rubric's share of the system message."""
        bands = [f"{band}: {' '.join(meaning.split())}" for band, meaning in self.bands.items()]
        scale = ["What the scale means:\n" + "\n".join(bands)] if bands else []
        return "\n\n".join([self.role.strip(), self.criteria.strip(), *scale])


def load_rubric(name: str, kind: Kind) -> Rubric:
    """A shipped rubric by its name, or the one in a file whose path ends in ``.yaml``.

    Raises:
        ConfigError: there is none, it is malformed, or it is of another kind.
    """
    rubric = _read(Path(name) if name.endswith(".yaml") else RUBRICS / f"{name}.yaml", name)
    if rubric.kind != kind:
        fitting = [one for one in shipped_rubrics() if _read(RUBRICS / f"{one}.yaml", one).kind == kind]
        raise ConfigError(
            f"rubric {name!r} is of kind {rubric.kind!r}, and {kind!r} is needed here; shipped ones"
            f" of this kind: {', '.join(fitting)}"
        )
    return rubric


def shipped_rubrics() -> list[str]:
    """Names of the rubrics that come with guerdon."""
    return sorted(file.stem for file in RUBRICS.glob("*.yaml"))


@cache
def _read(file: Path, name: str) -> Rubric:
    if not file.is_file():
        known = shipped_rubrics()
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
        raise ConfigError(f"rubric {name!r}: no such file {str(file)!r}; {hint}")
    try:
        if problems := duplicate_keys(file):
            raise ConfigError(problems)
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"rubric {name!r}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"rubric {name!r}: must be a mapping with role and criteria")
    return parse(found, Rubric, f"rubric {name}")
