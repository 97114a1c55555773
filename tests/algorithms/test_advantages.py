import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import tensor
from torch.testing import assert_close

from algorithms.batches import draw, random_batch
from guerdon.algorithms import advantages as adv

T, F = True, False


def column(*values: float) -> torch.Tensor:
    return tensor(values, dtype=torch.float).unsqueeze(1)


def everyone(x: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(x, dtype=torch.bool)


# --- along a row ---------------------------------------------------------------------------------


def test_gae_of_three_tokens_by_hand():
    # delta = (0 + .5*2 - 1, 1 + .5*4 - 2, 2 - 4) = (0, 1, -2); gamma lam = .25
    # A_3 = -2; A_2 = 1 - .5 = .5; A_1 = 0 + .125
    got, returns = adv.gae(
        tensor([[0.0, 1, 2]]), tensor([[1.0, 2, 4]]), tensor([[T, T, T]]), 0.5, 0.5
    )
    assert_close(got, tensor([[0.125, 0.5, -2.0]]))
    assert_close(returns, tensor([[1.125, 2.5, 2.0]]))


def test_gae_skips_observation_tokens_as_if_they_were_not_there():
    # the same three action tokens, with garbage values and rewards between them
    got, returns = adv.gae(
        tensor([[9.0, 0, 9, 9, 1, 2, 9]]),
        tensor([[7.0, 1, 7, 7, 2, 4, 7]]),
        tensor([[F, T, F, F, T, T, F]]),
        0.5,
        0.5,
    )
    assert_close(got, tensor([[0, 0.125, 0, 0, 0.5, -2, 0]]))
    assert_close(returns, tensor([[0, 1.125, 0, 0, 2.5, 2, 0]]))


def test_gae_in_turn_time_discounts_only_where_turns_end():
    # turn 1 = tokens 1, 2 with reward 1 at its end; turn 2 = token 3, reward 2; gamma = lam = .5
    # delta = (0 + 2 - 1, 1 + .5*4 - 2, 2 - 4) = (1, 1, -2)
    # A_3 = -2; A_2 = 1 + .25*-2 = .5; A_1 = 1 + .5 = 1.5
    got, _ = adv.gae(
        tensor([[0.0, 1, 2]]),
        tensor([[1.0, 2, 4]]),
        tensor([[T, T, T]]),
        0.5,
        0.5,
        tensor([[F, T, T]]),
    )
    assert_close(got, tensor([[1.5, 0.5, -2.0]]))


TENTHS = tensor([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]])
TWO_ENDS = tensor([[F] * 4 + [T] + [F] * 4 + [T]])


@pytest.mark.parametrize(
    ("lam", "expected"),
    [
        (1.0, [1.85, 1.75, 1.65, 1.55, 1.45, 0.4, 0.3, 0.2, 0.1, 0.0]),
        (0.9, [1.2952, 1.3281, 1.3645, 1.405, 1.45, 0.3439, 0.271, 0.19, 0.1, 0.0]),
    ],
)
def test_bilevel_gae_of_two_turns_of_five_tokens(lam, expected):
    # turn 2: D = 1 - 1 = 0, paid 1; turn 1: D = 1 + .95 * 1 - .5 = 1.45, paid 1.95
    got, returns = adv.bilevel_gae(
        TWO_ENDS.float(), TENTHS, everyone(TENTHS), TWO_ENDS, 1.0, lam, 0.95
    )
    assert_close(got, tensor([expected]), atol=6e-5, rtol=0)
    assert_close(returns, got + TENTHS)
    if lam == 1.0:
        assert_close(returns, tensor([[1.95] * 5 + [1.0] * 5]))


def test_bilevel_gae_knows_a_turn_that_paid_nothing_and_skips_observations():
    rewards = tensor([[0.0, 0, 0, 0, 0, 0, 0, 1]])
    values = tensor([[0.2, 0.2, 0.2, 9, 9, 0.4, 0.4, 0.4]])
    mask = tensor([[T, T, T, F, F, T, T, T]])
    ends = tensor([[F, F, T, F, F, F, F, T]])
    got, _ = adv.bilevel_gae(rewards, values, mask, ends, 1.0, 0.95, 0.95)
    assert_close(
        got, tensor([[0.6512, 0.6854, 0.7215, 0, 0, 0.5415, 0.57, 0.6]]), atol=6e-5, rtol=0
    )
    flat, _ = adv.gae(rewards, values, mask, 1.0, 0.95)
    assert_close(
        flat, tensor([[0.6448, 0.6787, 0.7144, 0, 0, 0.5415, 0.57, 0.6]]), atol=6e-5, rtol=0
    )


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_bilevel_gae_of_one_turn_is_gae(seed):
    batch = random_batch(seed)
    last = batch.turn_ends.long().cumsum(dim=1) == batch.turn_ends.sum(dim=1, keepdim=True)
    one_end = batch.turn_ends & last
    row = (batch.rewards, batch.values, batch.action_mask)
    assert_close(adv.bilevel_gae(*row, one_end, 0.9, 0.8, 0.5), adv.gae(*row, 0.9, 0.8))


def test_bilevel_gae_of_a_row_that_earned_nothing_is_finite():
    got, _ = adv.bilevel_gae(
        torch.zeros_like(TENTHS), TENTHS, everyone(TENTHS), TWO_ENDS, 1.0, 0.9, 0.95
    )
    assert got.isfinite().all()


def test_a_turn_with_one_value_is_one_action():
    # V = (.1, .6), R = (1, 1): delta_2 = .4, delta_1 = 1 + .5 * .6 - .1 = 1.2; A_1 = 1.2 + .25 * .4
    got, returns = adv.turn_gae(
        TWO_ENDS.float(), TENTHS, everyone(TENTHS), TWO_ENDS, gamma=0.5, lam=0.5
    )
    assert_close(got, tensor([[1.3] * 5 + [0.4] * 5]))
    assert_close(returns, tensor([[1.4] * 5 + [1.0] * 5]))


def test_returns_to_go_per_token_and_per_turn_by_hand():
    batch = draw(["oaeoae"], [[1, 2]])
    per_token = adv.returns_to_go(batch.rewards, batch.action_mask, 0.5)
    per_turn = adv.returns_to_go(batch.rewards, batch.action_mask, 0.5, batch.turn_ends)
    # tokens: G = (., .5*1.5, 1 + .5*1, ., .5*2, 2)
    assert_close(per_token, tensor([[0, 0.75, 1.5, 0, 1, 2]]))
    assert_close(per_turn, tensor([[0, 2.0, 2.0, 0, 2, 2]]))


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 0.9, 1.0]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_returns_to_go_are_gae_without_values_and_lam_1(seed, gamma, turns):
    batch = random_batch(seed)
    ends = batch.turn_ends if turns else None
    zeros = torch.zeros_like(batch.rewards)
    advantages, _ = adv.gae(batch.rewards, zeros, batch.action_mask, gamma, 1.0, ends)
    assert_close(adv.returns_to_go(batch.rewards, batch.action_mask, gamma, ends), advantages)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_gae_with_lam_1_and_gamma_1_returns_the_rewards_to_come_whatever_the_values(seed):
    batch = random_batch(seed)
    _, returns = adv.gae(batch.rewards, batch.values, batch.action_mask, 1.0, 1.0)
    to_come = batch.rewards.flip(1).cumsum(1).flip(1)
    assert_close(returns, to_come * batch.action_mask)


def test_a_row_without_actions_has_no_return():
    empty = torch.zeros(2, 3)
    assert_close(adv.returns_to_go(empty + 1, empty > 0, 0.9), empty)


# --- turns ---------------------------------------------------------------------------------------


def test_turns_are_counted_summed_and_spread_back():
    batch = draw(["oaaeoe", "aeo"], [[1, 2], [3]])
    mask, ends = batch.action_mask, batch.turn_ends
    x = tensor([[9.0, 1, 2, 3, 9, 4], [5, 6, 9, 9, 9, 9]])
    assert_close(adv.turns_exist(ends), tensor([[T, T], [T, F]]))
    assert_close(adv.turn_sums(x, mask, ends), tensor([[6.0, 4], [11, 0]]))
    assert_close(adv.turn_starts(x, mask, ends), tensor([[1.0, 4], [5, 0]]))
    back = adv.to_tokens(tensor([[6.0, 4], [11, 0]]), mask, ends)
    assert_close(back, tensor([[0, 6.0, 6, 6, 0, 4], [11, 11, 0, 0, 0, 0]]))


# --- groups --------------------------------------------------------------------------------------


def test_group_relative_by_hand_for_every_norm():
    # group 3: 1, 2, 6 -> mean 3, deviations -2, -1, 3; group 8: 0, 4 -> -2, 2
    x, group = column(1, 0, 2, 4, 6), tensor([3, 8, 3, 8, 3])
    centered = [-2.0, -2, -1, 2, 3]
    assert_close(adv.group_relative(x, everyone(x), group), column(*centered))

    def divided(by_3: float, by_8: float) -> torch.Tensor:
        return column(-2 / by_3, -2 / by_8, -1 / by_3, 2 / by_8, 3 / by_3)

    std = adv.group_relative(x, everyone(x), group, "std", 0.0)
    assert_close(std, divided(math.sqrt(14 / 3), 2))
    unbiased = adv.group_relative(x, everyone(x), group, "unbiased_std", 0.0)
    assert_close(unbiased, divided(math.sqrt(7), math.sqrt(8)))
    batch = adv.group_relative(x, everyone(x), group, "batch_std", 0.0)
    assert_close(batch, divided(math.sqrt(22 / 5), math.sqrt(22 / 5)))


def test_leave_one_out_by_hand():
    # others' means: (2+6)/2, (1+6)/2, (1+2)/2
    x = column(1, 2, 6)
    got = adv.leave_one_out(x, everyone(x), tensor([0, 0, 0]))
    assert_close(got, column(1 - 4, 2 - 3.5, 6 - 1.5))


@pytest.mark.parametrize("norm", ["none", "std", "unbiased_std", "batch_std"])
def test_a_group_of_one_has_no_baseline_and_gets_0(norm):
    x = column(5, 1, 3)
    got = adv.group_relative(x, everyone(x), tensor([7, 1, 1]), norm)
    assert got[0] == 0 and got[1] < 0 < got[2]
    assert adv.leave_one_out(x, everyone(x), tensor([7, 1, 1]))[0] == 0


def test_turns_that_a_member_does_not_have_are_not_compared():
    x = tensor([[1.0, 4], [3, 9], [5, 9]])
    exists = tensor([[T, T], [T, F], [T, F]])
    got = adv.group_relative(x, exists, tensor([0, 0, 0]))
    assert_close(got, tensor([[-2.0, 0], [0, 0], [2, 0]]))


@pytest.mark.parametrize("norm", ["none", "std", "unbiased_std", "batch_std"])
def test_equal_rewards_give_exactly_0_whatever_their_rounding(norm):
    x = column(*[0.1] * 7, 0.0, 1.0)
    got = adv.group_relative(x, everyone(x), tensor([0] * 7 + [1] * 2), norm)
    assert (got[:7] == 0).all() and (got[7:] != 0).all()


groups = st.lists(st.tuples(st.integers(0, 3), st.integers(-8, 8)), min_size=2, max_size=24)


@given(groups, st.sampled_from(["none", "std", "unbiased_std", "batch_std"]))
@settings(max_examples=60, deadline=None)
def test_advantages_of_a_group_sum_to_0(members, norm):
    group = tensor([g for g, _ in members])
    x = column(*[r / 4 for _, r in members])
    got = adv.group_relative(x, everyone(x), group, norm)
    for g in group.unique():
        assert abs(got[group == g].sum().item()) < 1e-4


@given(groups)
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_changes_nothing(members):
    group = tensor([g for g, _ in members])
    x = column(*[r / 4 for _, r in members])
    order = torch.randperm(len(members), generator=torch.Generator().manual_seed(len(members)))
    for function in (adv.group_relative, adv.leave_one_out):
        straight = function(x, everyone(x), group)
        shuffled = function(x[order], everyone(x), group[order])
        assert_close(shuffled, straight[order])


# --- the whole step ------------------------------------------------------------------------------


def test_whitening_by_hand():
    # 1, 3, 5 -> mean 3, variance over n - 1 = 4
    x, mask = tensor([[1.0, 3, 99], [99, 5, 99]]), tensor([[T, T, F], [F, T, F]])
    assert_close(adv.whiten(x, mask, eps=0.0), tensor([[-1.0, 0, 0], [0, 1, 0]]))
    assert_close(adv.whiten(x, mask, center=False, eps=0.0), tensor([[0.5, 1.5, 0], [0, 2.5, 0]]))


def test_whitening_equal_values_gives_exactly_0():
    x = torch.full((3, 7), 0.1)
    assert (adv.whiten(x, everyone(x)) == 0).all()
