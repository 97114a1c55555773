import asyncio

from guerdon.rewards.zero import Zero
from guerdon.types import Task


def test_nothing_is_worth_anything_and_the_note_says_why():
    reward = asyncio.run(Zero()(Task("t", ()), "anything", {}))
    assert (reward.value, reward.note) == (0.0, "no reward was configured")
