"""TRR++ by hand: baselines for each role, over tokens and over sequences."""

import math

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from algorithms.batches import draw, random_batch
from guerdon.algorithms import ReinforcePP
from guerdon.algorithms.advantages import whiten
from guerdon.errors import ConfigError

# proposer (role 0): two rows, rewards 1 and -0.5, of 1 and 3 tokens;
# solver (role 1): two rows, rewards 1 and 0, of 2 and 2 tokens
ROWS = ["oe", "oaae", "oae", "oae"]
REWARDS = [[1.0], [-0.5], [1.0], [0.0]]
ROLES = tensor([0, 0, 1, 1])


def advantages(**options):
    batch = draw(ROWS, REWARDS, role=ROLES)
    estimated = ReinforcePP(**options).estimate(batch).advantages
    return [estimated[row][mask].tolist() for row, mask in enumerate(batch.action_mask)]


def test_over_tokens_each_role_has_its_own_mean_and_a_long_reply_counts_more():
    # role 0: tokens 1, -.5, -.5, -.5: mean -.125, sum of squares 1.6875, var 1.6875 / 3 = .5625
    # role 1: tokens 1, 1, 0, 0: mean .5, sum of squares 1, var 1 / 3
    high, low = 1.125 / 0.75, -0.375 / 0.75
    half = 0.5 / math.sqrt(1 / 3)
    expected = [[high], [low] * 3, [half] * 2, [-half] * 2]
    for row, wanted in zip(advantages(baseline="role"), expected, strict=True):
        assert row == pytest.approx(wanted, abs=1e-6)


def test_over_sequences_every_reply_counts_once():
    # role 0: rows 1, -.5: mean .25, var (.75^2 + .75^2) / 1 = 1.125
    # role 1: rows 1, 0: mean .5, var .5
    first, second = 0.75 / math.sqrt(1.125), 0.5 / math.sqrt(0.5)
    expected = [[first], [-first] * 3, [second] * 2, [-second] * 2]
    found = advantages(baseline="role", statistics="sequence")
    for row, wanted in zip(found, expected, strict=True):
        assert row == pytest.approx(wanted, abs=1e-6)


def test_with_one_role_it_is_reinforce_plus_plus():
    batch = random_batch(3)
    alone = batch.with_(role=torch.zeros(batch.size, dtype=torch.long))
    expected = ReinforcePP().estimate(batch).advantages
    assert_close(ReinforcePP(baseline="role").estimate(alone).advantages, expected)
    assert_close(ReinforcePP(baseline="role").estimate(batch).advantages, expected)


def test_a_role_whose_rewards_are_all_equal_learns_nothing_and_disturbs_nobody():
    batch = draw(ROWS, [[0.1], [0.1], [1.0], [0.0]], role=ROLES)
    for statistics in ("token", "sequence"):
        found = ReinforcePP(baseline="role", statistics=statistics).estimate(batch)
        assert found.has_signal.tolist() == [False, False, True, True]


def test_each_role_is_whitened_as_if_the_other_were_not_there():
    batch = random_batch(5, rows=8).with_(role=tensor([0, 1, 0, 1, 2, 2, 0, 1]))
    together = ReinforcePP(baseline="role").estimate(batch).advantages
    for role in range(3):
        rows = batch.role == role
        alone = ReinforcePP().estimate(batch.select(rows)).advantages
        assert_close(together[rows], alone)


def test_sequence_statistics_of_the_group_baseline_count_rows_with_a_group():
    batch = draw(["oae", "oe", "oe"], [[1.0], [3.0], [9.0]], group=[0, 0, 1])
    found = ReinforcePP(baseline="group", statistics="sequence").estimate(batch).advantages
    rows = whiten(tensor([[-1.0], [1.0], [0.0]]), tensor([[True], [True], [False]]))
    assert_close(found, rows * batch.action_mask)


def test_discounted_tokens_have_no_sequence_statistics():
    with pytest.raises(ConfigError, match="statistics is 'sequence'"):
        ReinforcePP(statistics="sequence", gamma=0.9)
