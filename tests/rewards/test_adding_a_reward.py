"""The reward of docs/adding-a-reward.md works as it stands there."""

import asyncio
from pathlib import Path

import pytest

from documented import modules
from guerdon.errors import RewardError
from guerdon.types import RewardFn, Task


def test_the_documented_reward_works(tmp_path: Path) -> None:
    (page,) = modules("adding-a-reward.md", tmp_path)
    overlap = page.WordOverlap()
    assert isinstance(overlap, RewardFn)
    task = Task("t", (), answer="the red house")
    reward = asyncio.run(overlap(task, "The red door", {}))
    assert reward.value == pytest.approx(2 / 3)
    assert reward.parts == {"precision": 2 / 3, "recall": 2 / 3}
    assert asyncio.run(overlap(task, "nothing", {})).value == 0
    with pytest.raises(RewardError, match="no reference answer"):
        asyncio.run(overlap(Task("t", ()), "x", {}))
