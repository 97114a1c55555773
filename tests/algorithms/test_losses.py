import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import tensor
from torch.testing import assert_close

from guerdon.algorithms import losses

ALL = torch.ones(1, 4, dtype=torch.bool)


def gradient(loss: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(loss.sum(), x)[0]


def test_clipped_surrogate_by_hand_with_asymmetric_bounds():
    # bounds 0.8 and 1.3; a clip bites where it lowers what the policy may gain
    ratio = tensor([[0.5, 0.5, 1.5, 1.5]]).requires_grad_()
    advantages = tensor([[2.0, -2.0, 2.0, -2.0]])
    loss, clipped = losses.clipped_surrogate(ratio, advantages, 0.2, 0.3)
    assert_close(loss, tensor([[-1.0, 1.6, -2.6, 3.0]]))
    assert clipped.tolist() == [[False, True, True, False]]
    assert_close(gradient(loss, ratio), tensor([[-2.0, 0, 0, 2.0]]))


def test_dual_clip_bounds_the_loss_of_bad_actions_that_became_likely():
    ratio = tensor([[5.0, 5.0, 2.0, 0.5]]).requires_grad_()
    advantages = tensor([[-2.0, 2.0, -2.0, -2.0]])
    loss, clipped = losses.clipped_surrogate(ratio, advantages, 0.2, 0.2, 3.0)
    assert_close(loss, tensor([[6.0, -2.4, 4.0, 1.6]]))
    assert clipped.tolist() == [[True, True, False, True]]
    assert_close(gradient(loss, ratio), tensor([[0, 0, 2.0, 0]]))


def test_cispo_clips_the_weight_and_keeps_every_gradient():
    logprobs = tensor([[-1.0, -2.0, -3.0]]).requires_grad_()
    ratio, advantages = tensor([[0.5, 1.1, 2.0]]), tensor([[1.0, 2.0, -3.0]])
    loss, clipped = losses.cispo(ratio, logprobs, advantages, 0.2, 0.3)
    # -weight A log pi with weights 0.8, 1.1, 1.3
    assert_close(loss, tensor([[0.8, 4.4, -11.7]]))
    assert clipped.tolist() == [[True, False, True]]
    assert_close(gradient(loss, logprobs), tensor([[-0.8, -2.2, 3.9]]))


def test_the_sequence_ratio_is_the_geometric_mean_and_its_gradient_that_of_gspo():
    mask = tensor([[True, False, True, False], [True, True, True, True]])
    logs = tensor([[0.3, 0, -0.1, 0], [0.1, 0.2, 0.3, 0.4]]).requires_grad_()
    found = losses.sequence_log_ratio(logs, mask)
    assert_close(found, tensor([[0.1, 0, 0.1, 0], [0.25] * 4]))
    # d/dlogs of (1/n) sum_t s = s / n at each token, as of s = exp(mean) itself
    row_means = (found.exp() * mask).sum(1) / mask.sum(1)
    s = tensor([[math.exp(0.1) / 2] * 4, [math.exp(0.25) / 4] * 4])
    assert_close(gradient(row_means, logs), s * mask)


def test_log_ratio_ignores_what_is_off_the_mask_and_stays_finite():
    mask = tensor([[True, False, True]])
    now = tensor([[-1.0, float("nan"), 0.0]]).requires_grad_()
    old = tensor([[-1.5, float("inf"), -500.0]])
    found = losses.log_ratio(now, old, mask)
    assert_close(found, tensor([[0.5, 0.0, 20.0]]))
    assert_close(gradient(found.exp(), now), tensor([[math.exp(0.5), 0, 0]]))


def test_engine_weights_are_ratios_truncated_from_above_without_gradient():
    old = tensor([[-1.0, -1.0, -1.0, -9.0]]).requires_grad_()
    engine = tensor([[-1.5, -3.0, -0.5, 0.0]])
    mask = tensor([[True, True, True, False]])
    weights = losses.engine_weights(old, engine, mask, 2.0)
    assert_close(weights, tensor([[math.exp(0.5), 2.0, math.exp(-0.5), 1.0]]))
    assert not weights.requires_grad


def test_value_loss_by_hand_with_and_without_clipping():
    values = tensor([[1.0, 3.0, -1.0]]).requires_grad_()
    old, returns = tensor([[0.8, 1.0, 1.0]]), tensor([[2.0, 2.5, 2.5]])
    plain, _ = losses.value_loss(values, old, returns)
    assert_close(plain, tensor([[0.5, 0.125, 6.125]]))
    # clipped predictions 1.0, 1.5, 0.5 -> squares 1, 1, 4 against 1, .25, 12.25: the larger counts
    clipped, where = losses.value_loss(values, old, returns, 0.5)
    assert_close(clipped, tensor([[0.5, 0.5, 6.125]]))
    assert where.tolist() == [[False, True, False]]
    assert_close(gradient(clipped, values), tensor([[-1.0, 0.0, -3.5]]))


@given(st.floats(0.05, 5), st.floats(-5, 5), st.floats(0, 1), st.floats(0, 1))
def test_the_clipped_loss_is_never_below_the_unclipped_one(ratio, advantage, low, high):
    r, a = tensor([[ratio]]), tensor([[advantage]])
    loss, _ = losses.clipped_surrogate(r, a, low, high)
    assert loss.item() >= (-r * a).item()
