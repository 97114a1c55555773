"""The loss that all policy-gradient algorithms share, and the promises every algorithm keeps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import tensor
from torch.nn.functional import pad
from torch.testing import assert_close

from algorithms.batches import draw, outputs, random_batch
from guerdon.algorithms import GRPO, PPO, RLOO, GiGPO, Imitation, ReinforcePP
from guerdon.algorithms.kl import Adaptive, Scheduled
from guerdon.errors import ConfigError
from guerdon.types import Algorithm

VARIANTS = {
    "grpo": GRPO(kl_coef=0.1, entropy_coef=0.01),
    "dr_grpo": GRPO(norm="none", aggregation="seq-mean-token-sum", length_norm=8.0),
    "dapo": GRPO(clip_high=0.28, truncated="mask", max_engine_weight=2.0),
    "gspo": GRPO(surrogate="gspo", clip_low=0.03, clip_high=0.04, kl_coef=0.1, kl_estimator="k2"),
    "cispo": GRPO(surrogate="cispo", aggregation="seq-mean-token-mean"),
    "grpo_turns": GRPO(credit="turn", gamma=0.9, norm="batch_std", dual_clip=3.0),
    "ppo": PPO(gamma=0.99, lam=0.9, kl_coef=0.1, kl_in="reward", kl_estimator="k1"),
    "ppo_turns": PPO(time="turn", gamma=0.9, lam=0.9, aggregation="seq-mean-token-mean"),
    "ppo_no_critic": PPO(critic=False, baseline="group", gamma=0.95, norm="batch_std"),
    "ppo_whitened": PPO(critic=False),
    "ppo_bilevel": PPO(time="bilevel", gamma=0.99, lam=0.9, turn_gamma=0.8),
    "ppo_turn_value": PPO(time="turn_value", gamma=0.9, lam=0.9),
    "gigpo": GiGPO(step_coef=0.5),
    "rloo": RLOO(kl_coef=0.05, kl_in="reward"),
    "reinforce_pp": ReinforcePP(gamma=0.99),
    "reinforce_pp_group": ReinforcePP(baseline="group", kl_coef=0.1),
    "imitation": Imitation(),
}
every_variant = pytest.mark.parametrize("algorithm", VARIANTS.values(), ids=VARIANTS)


def run(algorithm, batch, seed=0):
    """Loss, metrics and the gradients on log-probs and values."""
    logprobs, entropy, values = outputs(batch, seed)
    loss, metrics = algorithm.loss(logprobs, entropy, values, batch)
    leaves = (logprobs, entropy, values)
    grads = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return loss.detach(), metrics, grads


# --- promises ------------------------------------------------------------------------------------


@every_variant
def test_it_is_an_algorithm(algorithm):
    assert isinstance(algorithm, Algorithm)


@every_variant
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_micro_batches_add_up_to_the_whole(algorithm, seed):
    batch = algorithm.estimate(random_batch(seed))
    loss, metrics, grads = run(algorithm, batch)
    logprobs, entropy, values = outputs(batch)
    part_loss, part_metrics = 0.0, dict.fromkeys(metrics, 0.0)
    for rows in torch.arange(batch.size).split(2):
        part = algorithm.loss(logprobs[rows], entropy[rows], values[rows], batch.select(rows))
        part_loss += part[0]
        part_metrics = {key: part_metrics[key] + part[1][key] for key in metrics}
    assert_close(part_loss, loss)
    assert part_metrics == pytest.approx(metrics, rel=1e-4, abs=1e-5)
    leaves = (logprobs, entropy, values)
    part_grads = torch.autograd.grad(part_loss, leaves, allow_unused=True, materialize_grads=True)
    assert_close(part_grads, grads)


@every_variant
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_padding_and_row_order_change_nothing(algorithm, seed):
    batch = random_batch(seed)
    kept = ~batch.truncated | (getattr(algorithm, "truncated", "keep") == "keep")
    order = torch.randperm(batch.size, generator=torch.Generator().manual_seed(seed))
    moved = batch.select(order)
    names = ("token_ids", "action_mask", "logprobs", "rewards", "turn_ends")
    names += ("old_logprobs", "ref_logprobs", "values", "states")
    wide = {name: pad(getattr(moved, name), (0, 5)) for name in names}
    moved = algorithm.estimate(moved.with_(**wide))
    batch = algorithm.estimate(batch)
    width = batch.action_mask.shape[1]
    order = order[kept[order]].argsort().argsort()  # of the rows that are left
    assert_close(moved.advantages[:, :width], batch.advantages[order], rtol=1e-4, atol=1e-5)
    assert (moved.advantages[:, width:] == 0).all()
    logprobs, entropy, values = outputs(batch)
    loss, metrics = algorithm.loss(logprobs, entropy, values, batch)
    laid_out = (pad(x[order], (0, 5)) for x in (logprobs, entropy, values))
    moved_loss, moved_metrics = algorithm.loss(*laid_out, moved)
    assert_close(moved_loss, loss, rtol=1e-4, atol=1e-5)
    assert moved_metrics == pytest.approx(metrics, rel=1e-4, abs=1e-5)


@every_variant
@given(seed=st.integers(0, 10_000), garbage=st.sampled_from([7.0, -1e30, math.nan, math.inf]))
@settings(max_examples=10, deadline=None)
def test_what_is_off_the_mask_never_matters(algorithm, seed, garbage):
    batch = random_batch(seed)
    off = ~batch.action_mask
    names = ("logprobs", "old_logprobs", "ref_logprobs", "values", "rewards")
    dirty = batch.with_(**{name: getattr(batch, name).masked_fill(off, garbage) for name in names})
    clean, dirty = algorithm.estimate(batch), algorithm.estimate(dirty)
    assert_close(dirty.advantages, clean.advantages)
    loss, metrics, grads = run(algorithm, clean)
    off = ~clean.action_mask
    leaves = [x.detach().masked_fill(off, garbage).requires_grad_() for x in outputs(clean)]
    dirty_loss, dirty_metrics = algorithm.loss(*leaves, dirty)
    dirty_grads = torch.autograd.grad(dirty_loss, leaves, allow_unused=True, materialize_grads=True)
    assert_close(dirty_loss.detach(), loss)
    assert dirty_metrics == metrics
    assert_close(dirty_grads, grads)
    assert all((g[off] == 0).all() for g in dirty_grads)


@pytest.mark.parametrize("name", [n for n, a in VARIANTS.items() if not a.needs_every_row])
def test_rows_without_advantage_may_be_skipped_unless_every_row_is_needed(name):
    algorithm = VARIANTS[name]
    batch = draw(["oae", "oe", "oae", "oe"], [[1], [1], [0], [2]], group=[0, 0, 1, 1])
    shape = batch.action_mask.shape
    batch = algorithm.estimate(
        batch.with_(old_logprobs=torch.zeros(shape), values=torch.zeros(shape))
    )
    _, _, whole = run(algorithm, batch)
    signal = batch.has_signal
    logprobs, entropy, values = outputs(batch)
    loss, _ = algorithm.loss(
        logprobs[signal], entropy[signal], values[signal], batch.select(signal)
    )
    assert_close(torch.autograd.grad(loss, logprobs)[0], whole[0])


# --- the loss ------------------------------------------------------------------------------------


def simple_batch():
    """Two rows of two action tokens, advantages 1 and -1."""
    batch = draw(["oae", "oae"], [[1], [0]])
    return (
        GRPO(norm="none")
        .estimate(batch)
        .with_(
            advantages=tensor([[0.0, 1, 1], [0, -1, -1]]), old_logprobs=tensor([[0.0, -1, -1]] * 2)
        )
    )


def at(*rows):
    return tensor([[0.0, *row] for row in rows])


def test_the_loss_of_two_rows_by_hand():
    up, down = math.log(1.5), math.log(0.5)
    logprobs = at((up - 1, -1), (down - 1, -1))
    batch = simple_batch().with_(ref_logprobs=at((-1, -1), (-1, -1)))
    entropy = at((0.5, 1.5), (1.0, 1.0))
    algorithm = GRPO(clip_high=0.3, kl_coef=0.1, kl_estimator="k2", entropy_coef=0.01)
    loss, metrics = algorithm.loss(logprobs, entropy, None, batch)
    # ratios 1.5 -> 1.3, 1; 0.5 -> 0.8, 1
    policy = (-1.3 - 1 + 0.8 + 1) / 4
    kl = (up**2 + down**2) / 2 / 4
    assert loss.item() == pytest.approx(policy + 0.1 * kl - 0.01 * 1.0)
    assert metrics == pytest.approx(
        {
            "loss/policy": policy,
            "loss/kl": 0.1 * kl,
            "policy/clip_frac": 0.5,
            "policy/ratio_mean": 1.0,
            "policy/kl": (0.5 - up - 0.5 - down) / 4,
            "policy/ref_kl": kl,
            "policy/entropy": 1.0,
        }
    )


def test_without_old_logprobs_the_policy_is_its_own_old_policy():
    batch = simple_batch().with_(old_logprobs=None)
    logprobs = at((-2, -3), (-1, -0.5)).requires_grad_()
    loss, metrics = GRPO().loss(logprobs, torch.zeros(2, 3), None, batch)
    assert metrics["policy/ratio_mean"] == 1 and metrics["policy/kl"] == 0
    # the gradient is that of REINFORCE, -A / num_actions
    assert_close(torch.autograd.grad(loss, logprobs)[0], -batch.advantages / 4)


def test_engine_weights_multiply_the_surrogate():
    batch = simple_batch().with_(logprobs=at((-1, -9), (-1, -1)))
    loss, metrics = GRPO(max_engine_weight=2.0).loss(
        batch.old_logprobs, torch.zeros(2, 3), None, batch
    )
    assert loss.item() == pytest.approx((-1 - 2 + 1 + 1) / 4)
    assert metrics["policy/engine_weight"] == pytest.approx((1 + 2 + 1 + 1) / 4)


def test_masked_truncated_rows_leave_the_loss_but_stay_in_the_baseline():
    batch = draw(["oae", "oaae", "oe"], [[2], [0], [1]], truncated=[False, True, False])
    kept = GRPO(norm="none").estimate(batch)
    masked = GRPO(norm="none", truncated="mask").estimate(batch)
    assert_close(kept.advantages[:, 1], tensor([1.0, -1, 0]))
    assert_close(masked.advantages, kept.advantages[[0, 2]])
    assert_close(masked.token_ids, kept.token_ids[[0, 2]])
    assert masked.num_actions == 3 and masked.num_rows == 2


def test_kl_in_the_reward_lowers_it_at_every_action_token():
    batch = draw(["oaeoe"], [[1, 2]], logprobs=at((-1, -1, 0, -1))).with_(
        ref_logprobs=at((-1.5, -1, 9, -2))
    )
    algorithm = RLOO(kl_coef=0.1, kl_in="reward", kl_estimator="k1")
    assert_close(algorithm.token_rewards(batch), at((-0.05, 1, 0, 1.9)))
    recomputed = batch.with_(old_logprobs=at((-1.5, -1, 0, -1)))
    assert_close(algorithm.token_rewards(recomputed), at((0, 1, 0, 1.9)))


def test_rows_of_one_episode_share_its_weight():
    # an episode of two rows and one of one row: weights 1/2, 1/2, 1, or .75, .75, 1.5 with mean 1
    batch = draw(["oae", "oae", "oae"], [[1], [1], [0]])
    batch = batch.with_(row_weight=tensor([0.75, 0.75, 1.5]))
    weights = GRPO(aggregation="seq-mean-token-mean").weights(batch).sum(dim=1)
    assert_close(weights, tensor([0.25, 0.25, 0.5]))
    assert_close(GRPO().weights(batch).sum(), tensor(1.0))


def test_rewards_may_be_paid_at_the_end():
    batch = draw(["oaeoe", "oe"], [[1, 2], [4]])
    assert PPO(rewards_at="end").token_rewards(batch).tolist() == [[0, 0, 0, 0, 3], [0, 4, 0, 0, 0]]
    assert PPO().token_rewards(batch).tolist() == [[0, 0, 1, 0, 2], [0, 4, 0, 0, 0]]


def test_kl_in_the_reward_is_reported_but_not_in_the_loss():
    batch = simple_batch().with_(ref_logprobs=at((-2, -1), (-1, -1)))
    algorithm = GRPO(kl_coef=0.1, kl_in="reward", kl_estimator="k1")
    loss, metrics = algorithm.loss(batch.old_logprobs, torch.zeros(2, 3), None, batch)
    assert metrics["policy/ref_kl"] == 0.25 and "loss/kl" not in metrics
    assert loss.item() == metrics["loss/policy"]


# --- what it needs, and what it refuses ----------------------------------------------------------


def test_only_what_an_algorithm_uses_is_asked_for():
    assert not GRPO().needs_reference and not GRPO().needs_every_row and not GRPO().needs_critic
    assert GRPO(kl_coef=0.1).needs_reference and GRPO(kl_coef=0.1).needs_every_row
    assert GRPO(kl_coef=Scheduled(start=0.0, end=0.1, steps=5)).needs_reference
    assert GRPO(entropy_coef=0.1).needs_every_row and not GRPO(entropy_coef=0.1).needs_reference
    assert PPO().needs_critic and PPO().needs_every_row
    assert not PPO(critic=False).needs_critic


def test_a_moving_coefficient_moves_is_saved_and_comes_back():
    algorithm = GRPO(kl_coef=Adaptive(start=0.1, target=0.02))
    algorithm.advance(1, {"policy/ref_kl": 1.0})
    algorithm.advance(2, {})
    assert algorithm.kl_coef_now == pytest.approx(0.102)
    again = GRPO(kl_coef=Adaptive(start=0.1, target=0.02))
    again.load_state_dict(algorithm.state_dict())
    assert again.kl_coef_now == algorithm.kl_coef_now
    fixed = GRPO(kl_coef=0.1)
    fixed.advance(1, {"policy/ref_kl": 1.0})
    assert fixed.kl_coef_now == 0.1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: GRPO(clip_low=-0.1), r"GRPO.clip_low is -0.1: give a number at least 0"),
        (lambda: GRPO(kl_coef=math.nan), r"GRPO.kl_coef is nan"),
        (lambda: GRPO(dual_clip=0.5), r"GRPO.dual_clip is 0.5: give a number above 1"),
        (lambda: GRPO(length_norm=9.0), r"length_norm is 9.0 .* set aggregation: seq-mean-token-s"),
        (lambda: GRPO(surrogate="cispo", dual_clip=3.0), r"has no dual clip: drop dual_clip"),
        (lambda: GRPO(gamma=0.9), r"GRPO.gamma is 0.9 but credit is 'trajectory'.*credit: turn"),
        (lambda: PPO(critic=False, norm="none"), r"set baseline: group or norm: whiten"),
        (lambda: PPO(critic=False, norm="batch_std"), r"set baseline: group or norm: whiten"),
        (lambda: PPO(critic=False, lam=0.95), r"PPO.lam is 0.95 .* set lam: 1.0"),
        (lambda: PPO(baseline="group"), r"the critic is the baseline"),
        (lambda: PPO(gamma=1.5), r"PPO.gamma is 1.5: give a number at least 0 and at most 1"),
        (lambda: ReinforcePP(baseline="group", gamma=0.9), r"set gamma: 1.0, or baseline: none"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_the_fix(wrong, message):
    with pytest.raises(ConfigError, match=message):
        wrong()


def test_a_choice_that_does_not_exist_is_named_with_those_that_do():
    algorithm = GRPO()
    algorithm.norm, algorithm.kl_in = "mean", "both"
    assert algorithm.problems() == [
        "GRPO.kl_in is 'both': give one of loss, reward",
        "GRPO.norm is 'mean': give one of none, std, unbiased_std, batch_std",
    ]


def test_all_problems_are_listed_at_once():
    with pytest.raises(ConfigError) as found:
        PPO(critic=False, lam=0.9, norm="none", clip_low=-1.0)
    assert len(found.value.problems) == 3
