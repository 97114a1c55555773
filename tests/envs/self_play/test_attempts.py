"""What the proposals of one episode earn together."""

import pytest

from guerdon.chat import Chat
from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs.self_play.attempts import Attempt, shared
from guerdon.types import Model, Reward, Task


def attempt(value, name=None):
    invented = Task(name, ({"role": "user", "content": name},)) if name else None
    chat = Chat(Model(ScriptedEngine(())), role="proposer", group="")
    return Attempt(chat, Reward(value), metrics={}, invented=invented)


def test_equal_ones_divide_a_gain_and_nobody_divides_a_loss():
    attempts = [attempt(0.9, "a"), attempt(0.6, "A"), attempt(0.6, "a"), attempt(1.0, "b"),
                attempt(-0.5, "c"), attempt(-0.5, "c"), attempt(-1.0), attempt(-1.0)]  # fmt: skip
    found = [reward.value for reward in shared(attempts, lambda task: task.id.lower())]
    assert found == pytest.approx([0.3, 0.2, 0.2, 1.0, -0.5, -0.5, -1.0, -1.0])
