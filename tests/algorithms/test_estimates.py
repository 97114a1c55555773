"""Each algorithm's advantages, by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import tensor
from torch.testing import assert_close

from algorithms.batches import draw, outputs, random_batch
from guerdon.algorithms import GRPO, PPO, RLOO, Imitation, ReinforcePP
from guerdon.algorithms.advantages import gae, whiten
from guerdon.batch import Batch
from guerdon.errors import ConfigError

# group 0: rewards 1, 3; group 1: rewards 0, 2, 4; group 2: one member
ROWS = ["oae", "oe", "oe", "oae", "oe", "oe"]
REWARDS = [[1], [3], [0], [2], [4], [9]]
GROUP = [0, 0, 1, 1, 1, 2]


def by_row(*values: float) -> torch.Tensor:
    mask = draw(ROWS, REWARDS).action_mask
    return tensor(values).unsqueeze(1) * mask


def test_grpo_divides_by_the_unbiased_std_of_the_group():
    batch = GRPO().estimate(draw(ROWS, REWARDS, GROUP))
    root = math.sqrt(2)
    assert_close(batch.advantages, by_row(-1 / root, 1 / root, -1, 0, 1, 0), rtol=1e-5, atol=1e-5)
    assert_close(batch.returns, by_row(1.0, 3, 0, 2, 4, 9))


def test_dr_grpo_does_not_divide():
    batch = GRPO(norm="none").estimate(draw(ROWS, REWARDS, GROUP))
    assert_close(batch.advantages, by_row(-1.0, 1, -2, 0, 2, 0))


def test_rloo_leaves_one_out():
    batch = RLOO().estimate(draw(ROWS, REWARDS, GROUP))
    assert_close(batch.advantages, by_row(-2.0, 2, -3, 0, 3, 0))


def test_turn_rewards_and_outcome_add_up_for_trajectory_credit():
    batch = GRPO(norm="none").estimate(draw(["oeoe", "oe"], [[1, 2], [1]]))
    assert_close(batch.advantages, tensor([[0, 1.0, 0, 1], [0, -1, 0, 0]]))


def test_turn_credit_is_the_discounted_return_less_the_groups_mean_at_the_same_turn():
    # returns to go at gamma 1/2: row 0: 1 + 1/2 * 4 = 3, 4; row 1: 5; row 2: 0 + 1/2 * 2 = 1, 2
    batch = draw(["oaeoe", "oe", "oeoe"], [[1, 4], [5], [0, 2]])
    estimated = GRPO(norm="none", credit="turn", gamma=0.5).estimate(batch)
    expected = tensor([[0, 0, 0, 0, 1], [0, 2, 0, 0, 0], [0, -2, 0, -1, 0.0]])
    assert_close(estimated.advantages, expected)
    assert_close(estimated.returns, tensor([[0, 3.0, 3, 0, 4], [0, 5, 0, 0, 0], [0, 1, 0, 2, 0]]))
    scaled = GRPO(norm="batch_std", credit="turn", gamma=0.5).estimate(batch)
    rms = math.sqrt((0 + 4 + 4 + 1 + 1) / 5)
    assert_close(scaled.advantages, expected / rms)


def test_reinforce_pp_whitens_discounted_returns_over_all_action_tokens():
    # returns 1/2, 1 | 2 -> mean 7/6, unbiased variance (4/9 + 1/36 + 25/36) / 2 = 7/12
    batch = ReinforcePP(gamma=0.5).estimate(draw(["oae", "oe"], [[1], [2]]))
    std = math.sqrt(7 / 12)
    expected = tensor([[0, -2 / 3, -1 / 6], [0, 5 / 6, 0]]) / std
    assert_close(batch.advantages, expected)


def test_reinforce_pp_with_group_baseline_whitens_what_is_left_of_groups_that_have_one():
    # tokens -1, -1, 1 | -2, 0, 0, 2 (group 2 has no baseline): mean -1/7, sum of squares 11
    batch = ReinforcePP(baseline="group").estimate(draw(ROWS, REWARDS, GROUP))
    std = math.sqrt((11 - 7 * (1 / 7) ** 2) / 6)
    mean = -1 / 7
    expected = by_row(*[(x - mean) / std for x in (-1, 1, -2, 0, 2)], 0.0)
    assert_close(batch.advantages, expected)


def test_ppo_whitens_gae_and_keeps_its_returns():
    values = tensor([[0, 1.0, 2], [0, 1, 0]])
    batch = draw(["oae", "oe"], [[4], [3]], values=values)
    # delta: 0 + 2 - 1, 4 - 2 | 3 - 1; lam 1/2: 1 + 1/2 * 2 = 2, 2 | 2
    plain = PPO(lam=0.5, norm="none").estimate(batch)
    assert_close(plain.advantages, tensor([[0, 2.0, 2], [0, 2, 0]]))
    assert_close(plain.returns, tensor([[0, 3.0, 4], [0, 3, 0]]))
    whitened = PPO(lam=0.5).estimate(batch)
    assert (whitened.advantages == 0).all()
    assert_close(whitened.returns, plain.returns)


def test_ppo_without_a_critic_subtracts_the_groups_mean_from_the_same_turn_on():
    # per-token returns, gamma 1/2; row 0: .5 (1 + .5*4) = 1.5, 3, 4 | row 1: 5 | row 2: 1, 2
    # means at the turns' first tokens: (1.5 + 5 + 1) / 3 = 2.5, and (4 + 2) / 2 = 3
    batch = draw(["oaeoe", "oe", "oeoe"], [[1, 4], [5], [0, 2]])
    algorithm = PPO(critic=False, baseline="group", norm="none", gamma=0.5)
    expected = tensor([[0, -1, 0.5, 0, 1], [0, 2.5, 0, 0, 0], [0, -1.5, 0, -1, 0.0]])
    assert_close(algorithm.estimate(batch).advantages, expected)


def test_ppo_without_a_critic_gives_a_turn_with_one_member_nothing():
    batch = draw(["oaeoae", "oe"], [[1, 4], [5]])
    algorithm = PPO(critic=False, baseline="group", norm="batch_std", gamma=0.5)
    estimated = algorithm.estimate(batch)
    assert (estimated.advantages[:, 3:] == 0).all()
    assert (estimated.advantages[0, 1:3] != 0).all()


@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.9, 1.0]), st.sampled_from(["token", "turn"]))
@settings(max_examples=30, deadline=None)
def test_ppo_without_a_critic_is_gae_with_v_0_and_lam_1(seed, gamma, time):
    batch = random_batch(seed)
    mask, ends = batch.action_mask, batch.turn_ends if time == "turn" else None
    zeros = torch.zeros_like(batch.rewards)
    expected, _ = gae(batch.rewards, zeros, mask, gamma, 1.0, ends)
    estimated = PPO(critic=False, gamma=gamma, time=time).estimate(batch)
    assert_close(estimated.returns, expected)
    assert_close(estimated.advantages, whiten(expected, mask))


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_with_one_outcome_per_row_ppo_with_group_baseline_is_dr_grpo(seed):
    batch = random_batch(seed)
    last = batch.turn_ends & (batch.turn_ends.flip(1).cumsum(1).flip(1) == 1)
    one_turn = batch.with_(turn_ends=last, rewards=batch.rewards * last)
    ppo = PPO(critic=False, baseline="group", norm="none").estimate(one_turn)
    assert_close(ppo.advantages, GRPO(norm="none").estimate(one_turn).advantages)


@given(st.integers(0, 10_000), st.sampled_from(["none", "std", "unbiased_std", "batch_std"]))
@settings(max_examples=30, deadline=None)
def test_grpo_advantages_of_a_group_sum_to_0(seed, norm):
    batch = GRPO(norm=norm).estimate(random_batch(seed))
    per_row = batch.advantages.sum(1) / batch.action_mask.sum(1)
    for group in batch.group.unique():
        assert abs(per_row[batch.group == group].sum().item()) < 1e-4


def test_the_critics_loss_is_added_by_its_coefficient():
    batch = draw(["oae"], [[1]], values=tensor([[0, 0.5, 0.5]]), old_logprobs=torch.zeros(1, 3))
    algorithm = PPO(norm="none", value_coef=0.1, value_clip=0.2)
    batch = algorithm.estimate(batch)  # returns 1, 1; advantages 1/2
    zeros, values = torch.zeros(1, 3), tensor([[0, 0.6, 1.5]])
    loss, metrics = algorithm.loss(zeros, zeros, values, batch)
    # 1/2 (0.6 - 1)^2, and 1/2 (1.5 - 1)^2: clipped to 0.7 the second would be smaller
    value = (0.5 * 0.16 + 0.5 * 0.25) / 2
    assert metrics["loss/value"] == pytest.approx(value)
    assert metrics["loss/value_clip_frac"] == 0.0
    assert loss.item() == pytest.approx(-0.5 + 0.1 * value)


def test_a_turn_with_one_value_trains_the_critic_at_its_first_token_only():
    batch = draw(["oaeoae"], [[0, 1]], values=torch.zeros(1, 6), old_logprobs=torch.zeros(1, 6))
    algorithm = PPO(time="turn_value", norm="none", value_clip=None)
    batch = algorithm.estimate(batch)  # both turns return 1
    zeros, values = torch.zeros(1, 6), torch.zeros(1, 6, requires_grad=True)
    loss, _ = algorithm.loss(zeros, zeros, values, batch)
    (grad,) = torch.autograd.grad(loss, values)
    assert_close(grad, tensor([[0, -0.125, 0, 0, -0.125, 0]]))  # .5 (V - 1) / 4 action tokens


def test_while_the_critic_warms_up_the_policy_stays_as_it_is():
    algorithm = PPO(value_warmup=2, kl_coef=0.1)
    batch = algorithm.estimate(random_batch(0))

    def gradients():
        logprobs, entropy, values = outputs(batch)
        loss, _ = algorithm.loss(logprobs, entropy, values, batch)
        return torch.autograd.grad(
            loss, (logprobs, values), allow_unused=True, materialize_grads=True
        )

    for done in range(3):
        policy, value = gradients()
        assert bool((policy != 0).any()) == (done >= 2)
        assert (value != 0).any()
        algorithm.advance(done + 1, {})
    resumed = PPO(value_warmup=2, kl_coef=0.1)
    resumed.load_state_dict(algorithm.state_dict())
    assert resumed.state_dict() == algorithm.state_dict()


def test_imitation_is_the_mean_negative_log_likelihood_of_the_actions():
    batch = Imitation().estimate(draw(["oae", "oe"], [[0], [0]]))
    logprobs = tensor([[-9.0, -1, -2], [-9, -3, -9]])
    loss, metrics = Imitation().loss(logprobs, -logprobs, None, batch)
    assert loss.item() == 2.0 and metrics["loss/imitation"] == 2.0
    assert metrics["policy/entropy"] == 2.0
    assert batch.has_signal.all()


def test_one_step_down_each_loss_makes_good_actions_likelier():
    batch = draw(ROWS, REWARDS, GROUP)
    shape = batch.action_mask.shape
    batch = batch.with_(old_logprobs=torch.zeros(shape) - 1.0, values=torch.zeros(shape))
    for algorithm in (GRPO(), RLOO(), ReinforcePP(baseline="group"), GRPO(surrogate="cispo")):
        estimated = algorithm.estimate(batch)
        logprobs, entropy, values = outputs(estimated)
        logprobs = estimated.old_logprobs.clone().requires_grad_()
        loss, _ = algorithm.loss(logprobs, entropy, values, estimated)
        step = -torch.autograd.grad(loss, logprobs)[0]
        assert (step * estimated.advantages >= 0).all()
        assert (step[estimated.advantages != 0] != 0).all()


# --- parts compared apart ------------------------------------------------------------------------


def with_parts(*rows: tuple[float, float]) -> Batch:
    batch = draw(["oae", "oe", "oe", "oe"], [[0]] * 4, [0, 0, 1, 1])
    return batch.with_(parts=tensor(rows), part_names=("big", "small"))


def test_parts_are_compared_apart_weighted_and_divided_by_the_std_of_the_step():
    batch = with_parts((0.0, 0.1), (100.0, 0.0), (5.0, 0.2), (5.0, 0.0))
    estimated = GRPO(norm="std", parts={"big": 1.0, "small": 2.0}).estimate(batch)
    # big: -1, 1, 0, 0 (small differences are no longer drowned); small: 1, -1, 1, -1
    total = tensor([-1.0 + 2, 1.0 - 2, 2.0, -2.0])
    std = math.sqrt(float(total.square().sum()) / 3)
    expected = (total / std).unsqueeze(1) * batch.action_mask
    assert_close(estimated.advantages, expected, rtol=1e-3, atol=1e-3)
    returns = tensor([0.2, 100, 5.4, 5.0]).unsqueeze(1) * batch.action_mask
    assert_close(estimated.returns, returns)


def test_a_group_without_signal_stays_at_exactly_0_when_parts_are_compared():
    batch = with_parts((0.3, 0.1), (0.3, 0.1), (1.0, 0.2), (0.0, 0.2))
    estimated = GRPO(parts={"big": 1.0, "small": 1.0}).estimate(batch)
    assert estimated.has_signal.tolist() == [False, False, True, True]


def test_a_part_that_is_not_there_is_named():
    batch = with_parts((0.0, 0.1), (0.0, float("nan")), (0.0, 0.0), (0.0, 0.0))
    with pytest.raises(ConfigError, match="no part 'style'; it has big, small"):
        GRPO(parts={"style": 1.0}).estimate(batch)
    with pytest.raises(ConfigError, match="some rewards lack 'small'"):
        GRPO(parts={"small": 1.0}).estimate(batch)
    with pytest.raises(ConfigError, match="it has none"):
        GRPO(parts={"small": 1.0}).estimate(draw(["oe"], [[1]]))


@pytest.mark.parametrize("options", [{"credit": "turn"}, {"kl_in": "reward", "kl_coef": 0.1}])
def test_parts_go_with_outcomes_only(options):
    with pytest.raises(ConfigError, match=r"GRPO\.parts compares parts of the outcome"):
        GRPO(parts={"a": 1.0}, **options)
