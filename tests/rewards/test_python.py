"""Functions of the user's as rewards."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from guerdon.errors import ConfigError, EngineError, RewardError
from guerdon.rewards.python import Python
from guerdon.types import Models, Reward, Task

TASK = Task("t", (), answer="5", domain="gsm8k", info={"extra_info": {"index": 3}, "other": 1})


def verl_score(data_source, solution_str, ground_truth, extra_info=None):
    right = solution_str == ground_truth
    return {"score": float(right), "index": extra_info["index"], "source": data_source}


def scaled(solution_str, ground_truth, scale=1.0):
    return np.float32(scale * (solution_str == ground_truth))


async def ours(task: Task, response: str, models: Models) -> Reward:
    await asyncio.sleep(0)
    return Reward(0.25, note=f"{task.id} {response}")


def broken(solution_str):
    return 1 / 0


def away(solution_str):
    raise EngineError("away")


def slow(solution_str):
    time.sleep(0.2)


def anything(**kwargs):
    return {"score": len(kwargs)}


def returns(solution_str, what=None):
    return what


def wants_more(solution_str, tokens):
    return 0.0


def score(name: str, response: str = "5", **options) -> Reward:
    reward = Python(function=f"{__name__}.{name}", **options)
    return asyncio.run(reward(TASK, response, {}))


def test_verls_signature_is_called_with_verls_values() -> None:
    found = score("verl_score")
    assert (found.value, found.parts) == (1.0, {"index": 3.0})
    assert score("verl_score", "6").value == 0.0


def test_ours_is_awaited_and_its_reward_kept() -> None:
    assert score("ours") == Reward(0.25, note="t 5")


def test_options_are_given_to_every_call_and_numpy_numbers_are_numbers() -> None:
    assert score("scaled", options={"scale": 0.5}).value == 0.5


def test_a_function_that_takes_anything_gets_verls_names() -> None:
    assert score("anything").value == 4


def test_an_exception_is_a_reward_error_that_names_it_never_a_zero() -> None:
    with pytest.raises(RewardError, match="broken failed for task 't': ZeroDivisionError"):
        score("broken")
    with pytest.raises(EngineError, match="away"):
        score("away")


@pytest.mark.parametrize("what", [None, "1.0", float("nan"), float("inf"), {}, {"value": 1}, [1]])
def test_anything_but_a_finite_number_is_a_reward_error(what: object) -> None:
    with pytest.raises(RewardError, match="it must be a finite number"):
        score("returns", options={"what": what})


def test_a_late_function_is_a_reward_error() -> None:
    with pytest.raises(RewardError, match=r"took longer than 0\.01 s"):
        score("slow", limit_s=0.01)


def test_a_function_of_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "score.py"
    file.write_text("def compute_score(solution_str, ground_truth): return solution_str == '5'\n")
    reward = Python(function=f"{file}:compute_score")
    assert asyncio.run(reward(TASK, "5", {})).value == 1.0
    with pytest.raises(ConfigError, match="has no function 'compute_scor'; did you mean 'compute"):
        Python(function=f"{file}:compute_scor")
    with pytest.raises(ConfigError, match="there is no file"):
        Python(function=f"{tmp_path}/none.py:f")
    file.write_text("1/0")
    with pytest.raises(ConfigError, match=r"cannot be run .ZeroDivisionError"):
        Python(function=f"{file}:compute_score")


def test_mistakes_are_found_before_anything_is_scored() -> None:
    with pytest.raises(ConfigError, match=r"Python: function 'no_such_package\.f'"):
        Python(function="no_such_package.f")
    with pytest.raises(ConfigError, match="needs 'tokens', which nothing gives"):
        Python(function=f"{__name__}.wants_more")
    with pytest.raises(ConfigError, match=r"options\.scal: .* did you mean 'scale'"):
        Python(function=f"{__name__}.scaled", options={"scal": 1})
    assert Python(function=f"{__name__}.wants_more", options={"tokens": 3})
