"""A calculator as a tool: calls, errors as observations, and the final answer."""

import asyncio

import pytest

from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs import tools
from guerdon.envs.games.calculator import CalculatorGame
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError
from guerdon.types import Model, Task

TASK = Task("c", (), info={"seed": 4})


def test_the_calculator_computes_and_an_error_is_an_observation():
    game = CalculatorGame(call_cost=0.25)
    game.reset(TASK, 0)
    computed = game.step(tools.call("calculator", expression="7*6"))
    assert computed == ("42", -0.25, False, False, {"success": 0.0, "tool_calls": 1.0})
    assert game.step(tools.call("calculator", expression="7/0"))[0] == "Error: division by zero."


def test_only_the_right_final_answer_is_a_success():
    game = CalculatorGame()
    question, _ = game.reset(TASK, 0)
    game.step(game.oracle())
    right = tools.parse(game.oracle())[1]["text"]
    assert question.startswith("What is ")
    assert game.step(game.oracle())[1:3] == (1.0, True)
    for answer, reward in ((f"{right}.", 1.0), (f"{int(right) + 1}", 0.0), ("about ten", 0.0)):
        game.reset(TASK, 0)
        assert game.step(tools.call(tools.ANSWER, text=answer))[1:3] == (reward, True)


def test_a_conversation_has_the_tool_speak_in_its_own_role():
    replies = [
        '<tool_call>{"name": "calculator", "arguments": {"expression": "1 + 1"}}</tool_call>',
        '<tool_call>{"name": "abacus", "arguments": {}}</tool_call>',
        "I say 3.",
    ]
    env = StepEnv(game=CalculatorGame(), action="tool_call", invalid_penalty=0.5)
    episode = asyncio.run(env.rollout(TASK, {"policy": Model(ScriptedEngine(replies))}))
    heard = [turn.observation[-1] for turn in episode.trajectories[0].turns]
    assert heard[1] == {"role": "tool", "content": "2"}
    assert heard[2]["role"] == "user" and "There is no tool 'abacus'" in heard[2]["content"]
    assert [turn.reward for turn in episode.trajectories[0].turns] == [0.0, -0.5, 0.0]
    assert episode.metrics["success"] == 0.0 and episode.metrics["tool_calls"] == 1.0


def test_a_sum_of_one_number_is_refused():
    with pytest.raises(ConfigError, match="at least 2"):
        CalculatorGame(num_numbers=1)
