import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import tensor
from torch.testing import assert_close

from guerdon.algorithms.kl import Adaptive, Scheduled, estimate_kl
from guerdon.errors import ConfigError


def test_estimators_by_hand():
    logprobs, ref = tensor([[-1.0, -2.0, -1.0]]), tensor([[-2.0, -1.5, -1.0]])
    assert_close(estimate_kl(logprobs, ref, "k1"), tensor([[1.0, -0.5, 0.0]]))
    assert_close(estimate_kl(logprobs, ref, "k2"), tensor([[0.5, 0.125, 0.0]]))
    k3 = [math.exp(-1) - 1 + 1, math.exp(0.5) - 1 - 0.5, 0.0]
    assert_close(estimate_kl(logprobs, ref, "k3"), tensor([k3]))


@given(st.floats(-30, 0), st.floats(-30, 0))
def test_k3_is_never_negative(logprob, ref):
    assert estimate_kl(tensor([[logprob]]), tensor([[ref]]), "k3").item() >= 0


def test_k1_and_k3_average_to_the_kl_and_k2_has_its_gradient():
    # over every action of a distribution, weighted by its probability: no sampling noise
    logits = tensor([[0.3, -0.2, 0.5, 0.0]], dtype=torch.float64).requires_grad_()
    ref = tensor([[0.1, 0.4, -0.3, 0.2]], dtype=torch.float64).log_softmax(1)
    logprobs = logits.log_softmax(1)
    probs = logprobs.exp()
    kl = (probs * (logprobs - ref)).sum()
    for estimator in ("k1", "k3"):
        assert_close((probs * estimate_kl(logprobs, ref, estimator)).sum(), kl)
    as_loss = (probs.detach() * estimate_kl(logprobs, ref, "k2")).sum()
    found = torch.autograd.grad(as_loss, logits, retain_graph=True)[0]
    assert_close(found, torch.autograd.grad(kl, logits, retain_graph=True)[0])
    useless = (probs.detach() * estimate_kl(logprobs, ref, "k1")).sum()
    assert torch.autograd.grad(useless, logits)[0].abs().max() < 1e-12


def test_a_scheduled_coefficient_moves_in_a_straight_line_then_stays():
    line = Scheduled(start=0.1, end=0.3, steps=4)
    found = [line.after(step, coef=99.0, kl=None) for step in (0, 1, 2, 4, 9)]
    assert found == pytest.approx([0.1, 0.15, 0.2, 0.3, 0.3])


def test_an_adaptive_coefficient_follows_the_error_and_no_further_than_a_fifth():
    adaptive = Adaptive(start=1.0, target=0.1)
    found = [adaptive.after(1, coef=2.0, kl=kl) for kl in (0.1, 0.11, 5.0, -5.0, None)]
    assert found == pytest.approx([2.0, 2.0 * 1.01, 2.0 * 1.02, 2.0 * 0.98, 2.0])


def test_a_coefficient_that_makes_no_sense_is_refused_with_its_field_and_value():
    with pytest.raises(ConfigError, match=r"Scheduled.steps is 0: give a number at least 1"):
        Scheduled(start=0.0, end=1.0, steps=0)
    with pytest.raises(ConfigError) as found:
        Adaptive(start=0.0, target=-1.0, gain=2.0)
    assert len(found.value.problems) == 3
