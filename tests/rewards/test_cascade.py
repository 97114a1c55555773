"""Cheap stages decide what they can."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.config.build import build
from guerdon.config.compose import SHIPPED
from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError, EngineError, RewardError
from guerdon.rewards.cascade import Cascade
from guerdon.types import Model, Models, Reward, Task

TASK = Task("t", (), answer="x")


class Says:
    """A stage that is worth what it is told, or raises it."""

    def __init__(self, worth: float | Exception) -> None:
        self.worth, self.num_asked = worth, 0

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        self.num_asked += 1
        if isinstance(self.worth, Exception):
            raise self.worth
        return Reward(self.worth, {"own": 1.0}, note="because")


def score(*worths: float | Exception, **options) -> Reward:
    stages = {name: Says(worth) for name, worth in zip("abc", worths, strict=False)}
    return asyncio.run(Cascade(stages=stages, **options)(TASK, "r", {}))


def test_the_first_stage_that_can_tell_decides() -> None:
    found = score(RewardError("cannot"), 0.0, 1.0)
    assert found.value == 0.0
    assert found.parts == {"share/a": 0, "share/b": 1, "share/c": 0, "b": 0, "b/own": 1}
    assert found.note == "b: because"


def test_of_a_stage_that_only_accepts_a_no_is_passed_on_and_may_be_overruled() -> None:
    assert score(1.0, 0.0, accepts=["a"]).value == 1.0
    overruled = score(0.0, 1.0, accepts=["a"])
    assert (overruled.value, overruled.parts["flip/b"]) == (1.0, 1.0)
    assert score(0.0, 0.0, accepts=["a"]).parts["flip/b"] == 0.0


def test_of_a_stage_that_only_rejects_a_yes_is_passed_on() -> None:
    assert score(0.0, 1.0, rejects=["a"]).value == 0.0
    found = score(1.0, 0.0, rejects=["a"])
    assert found.value == 0.0
    assert "flip/b" not in found.parts  # that there is an answer was no verdict


def test_later_stages_are_not_asked() -> None:
    stages = {"a": Says(1.0), "b": Says(0.0)}
    asyncio.run(Cascade(stages=stages)(TASK, "r", {}))
    assert (stages["a"].num_asked, stages["b"].num_asked) == (1, 0)


def test_if_no_stage_can_tell_there_is_no_reward() -> None:
    with pytest.raises(RewardError, match="no stage can tell; b: second"):
        score(RewardError("first"), RewardError("second"))


def test_a_server_that_is_away_fails_the_whole() -> None:
    with pytest.raises(EngineError, match="away"):
        score(EngineError("away"), 1.0)


@given(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=1, max_size=3), st.booleans())
def test_shares_add_up_to_1(worths, accepts) -> None:
    given = [RewardError("no") if worth is None else worth for worth in worths]
    names = list("abc")[: len(given) - 1]
    try:
        found = score(*given, accepts=names if accepts else [])
    except RewardError:
        assert worths[-1] is None
        return
    shares = [value for name, value in found.parts.items() if name.startswith("share/")]
    assert sum(shares) == 1 and len(shares) == len(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accepts": ["z"]}, "accepts names no stage: \\['z'\\]"),
        ({"rejects": ["b"]}, "the last stage, 'b', decides all"),
        ({"accepts": ["a"], "rejects": ["a"]}, "in accepts and in rejects"),
    ],
)
def test_stages_that_are_not_there_are_named(options, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Cascade(stages={"a": Says(1.0), "b": Says(1.0)}, **options)
    with pytest.raises(ConfigError, match="stages is empty"):
        Cascade(stages={})


# --- the shipped one -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped():
    import yaml

    return build(yaml.safe_load((SHIPPED / "verifier" / "cascade.yaml").read_text()))


@pytest.mark.parametrize(
    ("gold", "response", "value", "stage"),
    [
        ("5", "I think it is five", 0, "missing"),
        ("Paris", "Answer: paris.", 1, "match"),
        ("5", r"\boxed{5.0}", 1, "numeric"),
        ("5", r"\boxed{6}", 0, "numeric"),  # both are numbers: final, whatever the verifier says
        ("1/2", r"\boxed{\frac{1}{2}}", 1, "math"),
        ("x < 3", r"\boxed{x \text{ is below } 3}", 1, "verifier"),
        ("Rome", "Answer: the city of Romulus", 1, "verifier"),
    ],
)
def test_each_stage_decides_what_it_can(shipped, gold, response, value, stage) -> None:
    yes = ScriptedEngine(lambda prompt: "Final Decision: Yes")
    task = Task("t", ({"role": "user", "content": "?"},), answer=gold)
    found = asyncio.run(shipped(task, response, {"verifier": Model(yes)}))
    assert (found.value, found.parts[f"share/{stage}"]) == (value, 1)
    assert len(yes.calls) == (stage == "verifier")
    if stage == "verifier":
        assert found.parts["flip/verifier"] == 1
