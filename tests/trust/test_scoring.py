"""Scoring labelled responses."""

import asyncio
import math
from collections import Counter

import pytest

from guerdon.data.labelled import Labelled
from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError, RewardError
from guerdon.trust.agreement import Pair
from guerdon.trust.scoring import pairs_of, score_all, score_rounds
from guerdon.types import Model, Reward
from trust_parts import Exact, Said, Table, task


def scored(reward, *labelled, **settings):
    return asyncio.run(score_all(reward, labelled, {}, **settings))


def test_a_response_is_right_from_a_threshold_on() -> None:
    (case,) = scored(Table({"x": 0.7}), Labelled(task(), ("x",), "1"))
    assert case.pair(right_at=0.7) == Pair("t", "1", "1")
    assert case.pair(right_at=0.8) == Pair("t", "1", "0")


def test_of_two_responses_the_better_paid_is_better_and_close_ones_tie() -> None:
    (case,) = scored(Table({"x": 0.7, "y": 0.6}), Labelled(task(), ("x", "y"), "2"))
    assert case.pair() == Pair("t", "2", "1")
    assert case.pair(tie_within=0.2) == Pair("t", "2", "tie")


def test_a_response_without_a_reward_has_no_verdict_and_is_not_counted() -> None:
    cases = scored(
        Table({"x": 1.0}), Labelled(task(), ("x",), "1"), Labelled(task(), ("lost",), "0")
    )
    assert cases[1].error is not None and cases[1].pair() is None
    assert pairs_of(cases) == [Pair("t", "1", "1")]


def test_a_reward_that_is_no_number_is_an_error() -> None:
    (case,) = scored(Table({"x": math.nan}), Labelled(task(), ("x",), "1"))
    assert "nan" in str(case.error)


def test_when_nothing_can_be_scored_the_first_cause_is_named() -> None:
    with pytest.raises(RewardError, match="no value for 'lost'"):
        pairs_of(scored(Table({}), Labelled(task(), ("lost",), "1")))


def test_a_judge_of_two_is_asked_to_compare() -> None:
    class Judge:
        async def compare(self, task, first, second, models):
            return Said("1", "2")

    (case,) = scored(Judge(), Labelled(task(), ("x", "y"), "1"))
    assert case.pair() == Pair("t", "1", "tie")
    with pytest.raises(ConfigError, match="compares two responses"):
        scored(Judge(), Labelled(task(), ("x",), "1"))


def test_no_more_are_scored_at_once_than_allowed() -> None:
    running: Counter[str] = Counter()

    class Slow:
        async def __call__(self, task, response, models):
            running["now"] += 1
            running["most"] = max(running["most"], running["now"])
            await asyncio.sleep(0)
            running["now"] -= 1
            return Reward(1.0)

    scored(Slow(), *[Labelled(task(str(i)), ("x",), "1") for i in range(20)], max_concurrent=3)
    assert running["most"] == 3


def test_later_rounds_ask_models_with_other_seeds_whatever_the_reward_sets() -> None:
    class Asking:
        async def __call__(self, task, response, models):
            model = models["judge"]
            await model.engine.generate((), model.sampling.__class__(seed=7))
            return Reward(1.0)

    engine = ScriptedEngine(lambda prompt: "yes")
    labelled = [Labelled(task(), ("x",), "1")]
    rounds = asyncio.run(score_rounds(Asking(), labelled, {"judge": Model(engine)}, 3))
    seeds = [sampling.seed for _, sampling in engine.calls]
    assert len(rounds) == 3 and seeds[0] == 7 and len(set(seeds)) == 3


def test_examples_stay_in_order() -> None:
    labelled = [Labelled(task(str(i), answer=str(i)), (str(i),), "1") for i in range(5)]
    assert [case.labelled for case in scored(Exact(), *labelled)] == labelled
