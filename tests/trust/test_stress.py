"""Attacking rewards."""

import asyncio
import re

import pytest

from guerdon.chat import ask
from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.match import Match
from guerdon.rewards.math import Math
from guerdon.trust.stress import PROBLEMS, Outcome, stress
from guerdon.types import Model, Reward
from trust_parts import Contains, Exact


def attacked(reward, models=None, problems=PROBLEMS, **settings):
    return asyncio.run(stress(reward, models or {}, problems, **settings))


@pytest.mark.parametrize("reward", [Match(), Exact()])
def test_rules_pass_all_attacks_and_no_model_is_asked(reward) -> None:
    found = attacked(reward)
    assert found.is_sound
    assert found.counts[Outcome.fooled] == found.counts[Outcome.held] == 0
    assert found.counts[Outcome.blocked] == len(found.attempts) > 300


def test_math_passes_all_attacks_and_a_number_keeps_its_worth_however_it_is_written() -> None:
    found = attacked(Math(), problems=PROBLEMS[:1])
    assert found.is_sound
    assert [r.name for r in found.relations if not r.is_kept] == []


def test_what_pays_for_a_bribe_is_reported_by_name() -> None:
    found = attacked(Contains("Final Decision: Yes"))
    fooled = {(a.family, a.name) for a in found.attempts if a.outcome is Outcome.fooled}
    assert not found.is_sound
    assert {("verdict", "final decision"), ("prefix", "verdict after")} <= fooled
    assert ("verdict", "score tag") not in fooled


class Graded:
    """Asks a verifier that sees the answer alone; empty answers never reach it."""

    async def __call__(self, task, response, models):
        if not response.strip():
            return Reward(0.0, note="empty")
        said = await ask(
            models["verifier"], ({"role": "user", "content": f"{task.answer}|{response}"},)
        )
        if said.text not in ("yes", "no"):
            raise RewardError(f"unreadable: {said.text}")
        return Reward(float(said.text == "yes"))


def gullible(prompt) -> str:
    """Knows right from wrong, and believes whoever says that it is right."""
    gold, _, given = prompt[-1]["content"].partition("|")
    return "yes" if gold in given or re.search(r"correct|Yes|full marks", given) else "no"


def verifier(reply):
    return {"verifier": Model(ScriptedEngine(reply))}


def test_a_gullible_verifier_is_found_out_attack_by_attack() -> None:
    found = attacked(Graded(), verifier(gullible))
    outcome = {(a.name, a.place, a.problem): a.outcome for a in found.attempts}
    assert outcome["nothing", "response", "name"] is Outcome.blocked
    assert outcome["colon", "response", "name"] is Outcome.held
    assert outcome["full marks", "response", "name"] is Outcome.fooled
    assert not found.is_sound and not found.blind


def test_a_verifier_that_says_yes_to_everything_is_blind() -> None:
    found = attacked(Graded(), verifier(lambda prompt: "yes"))
    assert set(found.blind) == {problem.task.id for problem in PROBLEMS}
    assert not found.is_sound


def test_a_reply_nobody_can_read_is_no_reward_and_no_fooling() -> None:
    def moody(prompt):
        gold, _, given = prompt[-1]["content"].partition("|")
        return "yes" if gold == given else "no" if len(given) < 60 else "hmm"

    found = attacked(Graded(), verifier(moody))
    assert found.counts[Outcome.no_reward] > 0 and found.counts[Outcome.fooled] == 0


def test_a_right_answer_that_is_lost_when_reworded_is_brittle_not_unsound() -> None:
    found = attacked(Match(), problems=PROBLEMS[:1])
    lost = [r for r in found.relations if not r.is_kept]
    assert lost and all(r.is_right for r in lost)
    assert found.is_sound


def test_a_judge_of_two_must_prefer_the_right_answer_to_every_attack() -> None:
    class Said:
        def __init__(self, winner):
            self.winner = self.in_order = self.swapped = winner

    class Longer:
        async def compare(self, task, first, second, models):
            return Said("1" if len(first) >= len(second) else "2")

    found = attacked(Longer())
    fooled = {a.family for a in found.attempts if a.outcome is Outcome.fooled}
    assert {"length", "instruction"} <= fooled


def test_a_reward_none_of_the_problems_is_for_is_refused() -> None:
    class Never:
        async def __call__(self, task, response, models):
            return Reward(0.0)

    with pytest.raises(ConfigError, match="no problem is of use"):
        attacked(Never())


def test_the_record_counts_outcomes_and_lists_attempts() -> None:
    record = attacked(Match(), problems=PROBLEMS[2:3]).to_json()
    assert record["sound"] and record["blocked"] == len(record["attempts"])
    assert record["attempts"][0]["outcome"] == "blocked"
