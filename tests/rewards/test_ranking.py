"""A group's responses against each other."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError, NoVerdict
from guerdon.rewards.ranking import Listwise, Tournament, pairings
from guerdon.rewards.sealed import unseal
from guerdon.types import Model, Sampling
from judges import TASK, verdict

GROUP = ["a", "bb", "ccc", "dddd", "eeeee"]


def longest_wins(prompt):
    """A judge of pairs to whom longer is better."""
    shown = unseal(prompt[1]["content"])
    first, second = len(shown["response_1"]), len(shown["response_2"])
    better = "tie" if first == second else "1" if first > second else "2"
    return verdict(prompt[1]["content"], better)


def longest_first(prompt):
    """A judge of lists to whom longer is better."""
    shown = unseal(prompt[1]["content"])
    texts = {name[-1]: text for name, text in shown.items() if name.startswith("response_")}
    order = sorted(texts, key=lambda label: -len(texts[label]))
    return verdict(prompt[1]["content"], " > ".join(order))


def rank(ranking, reply, responses=GROUP):
    engine = ScriptedEngine(reply)
    models = {"judge": Model(engine, Sampling(temperature=0.0))}
    return asyncio.run(ranking.rank(TASK, responses, models)), engine.calls


def values(rewards):
    return [reward.value for reward in rewards]


def test_everybody_meets_everybody_in_both_orders():
    rewards, calls = rank(Tournament(), longest_wins)
    assert values(rewards) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert len(calls) == 2 * 10
    assert all(reward.parts == {"flipped": 0.0} for reward in rewards)


def test_a_judge_that_always_prefers_the_first_place_ties_them_all():
    rewards, _ = rank(Tournament(), lambda prompt: verdict(prompt[1]["content"], "1"))
    assert values(rewards) == [0.5] * 5
    assert all(reward.parts == {"flipped": 1.0} for reward in rewards)


def test_rounds_pair_those_who_stand_alike_and_cost_less():
    group = [c * n for n, c in enumerate("abcdefgh", 1)]
    rewards, calls = rank(Tournament(rounds=3), longest_wins, group)
    assert len(calls) == 2 * 3 * 4
    assert rewards[-1].value == 1.0 and rewards[0].value == 0.0
    assert sum(values(rewards)) == pytest.approx(4.0)


def test_nobody_is_left_without_a_comparison():
    for group in (GROUP, GROUP[:3]):
        rewards, calls = rank(Tournament(rounds=1), longest_wins, group)
        assert len(rewards) == len(group) and len(calls) == 2 * ((len(group) + 1) // 2)


def test_the_same_group_is_paired_the_same_way_again():
    assert rank(Tournament(rounds=2), longest_wins) == rank(Tournament(rounds=2), longest_wins)


def test_equal_responses_earn_the_same():
    rewards, _ = rank(Tournament(), longest_wins, ["x", "x", "yy"])
    assert values(rewards) == [0.25, 0.25, 1.0]


def test_one_missing_verdict_fails_the_group():
    with pytest.raises(NoVerdict):
        rank(Tournament(tries=1), lambda prompt: "well")


@given(st.permutations(range(7)), st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_nobody_plays_twice_in_a_round_nor_the_same_opponent_again(order, met):
    pairs = pairings(order, lambda i, j: (i, j) in met or (j, i) in met)
    players = [player for pair in pairs for player in pair]
    assert len(players) == len(set(players))
    assert not any((i, j) in met or (j, i) in met for i, j in pairs)


def test_a_list_is_ranked_in_two_opposite_orders():
    rewards, calls = rank(Listwise(), longest_first)
    assert values(rewards) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert all(reward.parts == {"order_gap": 0.0} for reward in rewards)
    shown = [list(unseal(prompt[1]["content"]).values())[2:] for prompt, _ in calls]
    assert shown[0] == shown[1][::-1] and sorted(shown[0]) == sorted(GROUP)


def test_a_judge_that_ranks_by_place_ranks_nobody():
    rewards, _ = rank(Listwise(), lambda prompt: verdict(prompt[1]["content"], "A>B>C>D>E"))
    assert values(rewards) == [0.5] * 5
    assert sorted(reward.parts["order_gap"] for reward in rewards) == [0.0, 0.5, 0.5, 1.0, 1.0]


def test_tied_responses_share_their_places():
    rewards, _ = rank(Listwise(), lambda prompt: verdict(prompt[1]["content"], "A=B=C"), GROUP[:3])
    assert values(rewards) == [0.5] * 3


def test_a_group_of_one_or_of_too_many_is_refused():
    for ranking in (Tournament(), Listwise()):
        with pytest.raises(ConfigError, match="at least two"):
            rank(ranking, longest_wins, ["a"])
    with pytest.raises(ConfigError, match="at most 26"):
        rank(Listwise(), longest_first, [str(n) for n in range(27)])
    with pytest.raises(ConfigError, match="rounds must be at least 1"):
        Tournament(rounds=0)


def compare(reply, first, second):
    models = {"judge": Model(ScriptedEngine(reply), Sampling(temperature=0.0))}
    return asyncio.run(Listwise().compare(TASK, first, second, models))


def test_a_judge_of_lists_can_compare_two_in_both_orders():
    found = compare(longest_first, "a", "bb")
    assert (found.in_order, found.swapped, found.winner) == ("2", "2", "2")
    found = compare(lambda prompt: verdict(prompt[1]["content"], "A > B"), "a", "bb")
    assert (found.in_order, found.swapped, found.winner) == ("1", "2", "tie")
    found = compare(lambda prompt: verdict(prompt[1]["content"], "A = B"), "a", "bb")
    assert found.winner == "tie" and not found.is_flipped


def test_empty_responses_share_the_last_place_and_are_not_shown():
    rewards, calls = rank(Listwise(), longest_first, ["", "a", "\u200b", "bb"])
    assert values(rewards) == [pytest.approx(1 / 6), pytest.approx(2 / 3), pytest.approx(1 / 6), 1]
    assert all("response_C" not in prompt[1]["content"] for prompt, _ in calls)
    rewards, calls = rank(Listwise(), longest_first, ["", "a"])
    assert (values(rewards), calls) == ([0.0, 1.0], [])
    rewards, calls = rank(Listwise(), longest_first, ["", " ", "\\boxed{ }"])
    assert (values(rewards), calls) == ([0.5, 0.5, 0.5], [])


def test_in_a_tournament_an_empty_response_loses_and_nobody_is_asked():
    rewards, calls = rank(Tournament(), longest_wins, ["", "a", "\u200b"])
    assert (values(rewards), calls) == ([0.25, 1.0, 0.25], [])
