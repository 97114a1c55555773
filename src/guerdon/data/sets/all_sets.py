"""The public sets there are, by name: a new one is a file beside this one and a line here."""

from __future__ import annotations

from collections.abc import Sequence

from guerdon.data.sets.competition_math import MATH
from guerdon.data.sets.drop import DROP
from guerdon.data.sets.gsm8k import GSM8K
from guerdon.data.sets.hotpotqa import HOTPOTQA
from guerdon.data.sets.humaneval import HUMANEVAL
from guerdon.data.sets.mbpp import MBPP
from guerdon.data.sets.record import PublicSet
from guerdon.data.sets.squad import SQUAD
from guerdon.errors import ConfigError

SETS = {each.name: each for each in (GSM8K, MATH, SQUAD, HOTPOTQA, DROP, HUMANEVAL, MBPP)}

SIX = ("gsm8k", "math", "squad", "hotpotqa", "humaneval", "mbpp")
"""Those the training guide names."""


def named(names: Sequence[str]) -> list[PublicSet]:
    """The sets of these names; all of them if there are none.

    Raises:
        ConfigError: there is no such set.
    """
    unknown = [name for name in names if name not in SETS]
    if unknown:
        raise ConfigError(f"no data set {unknown[0]!r}; there are: {', '.join(SETS)}")
    return [SETS[name] for name in names] if names else list(SETS.values())
