"""AdamW by hand: the first step moves each weight by the learning rate, against its gradient."""

import pytest
import torch
from torch import nn

from guerdon.config.schema import Learner as Settings
from guerdon.errors import CheckpointError
from guerdon.learner.optimizer import Optimizer, ParameterGroup


def optimizer_of(*values: list[float], dtype: torch.dtype = torch.float32) -> Optimizer:
    groups = [
        ParameterGroup(name, {"w": nn.Parameter(torch.tensor(value, dtype=dtype))}, lr)
        for name, value, lr in zip(("policy", "critic"), values, (0.1, 0.2), strict=False)
    ]
    return Optimizer(groups, Settings(max_grad_norm=1.0, eps=0.0))


def pull(optimizer: Optimizer, *gradients: list[float]) -> None:
    for group, gradient in zip(optimizer.groups, gradients, strict=True):
        (group.parameters["w"] * torch.tensor(gradient)).sum().backward()


def test_groups_have_their_own_learning_rate_and_are_clipped_apart() -> None:
    optimizer = optimizer_of([1.0, 1.0], [1.0])
    pull(optimizer, [3.0, -4.0], [0.5])
    assert optimizer.clip() == pytest.approx({"policy": 5.0, "critic": 0.5})
    policy, critic = (group.parameters["w"] for group in optimizer.groups)
    assert policy.grad is not None
    assert policy.grad.tolist() == pytest.approx([0.6, -0.8])
    optimizer.step(0.5)
    assert policy.tolist() == pytest.approx([0.95, 1.05])
    assert critic.tolist() == pytest.approx([0.9])


def test_gradients_of_bfloat16_weights_add_up_in_float32() -> None:
    optimizer = optimizer_of([1.0], dtype=torch.bfloat16)
    for _ in range(3):
        pull(optimizer, [0.2])
    weight = optimizer.groups[0].parameters["w"]
    assert weight.grad is None
    assert optimizer.clip()["policy"] == pytest.approx(3 * torch.tensor(0.2).bfloat16().item())


def test_a_state_of_other_parameters_is_refused() -> None:
    state = optimizer_of([1.0, 2.0]).state()
    with pytest.raises(CheckpointError, match=r"\[2\] there, \[1\] here"):
        optimizer_of([1.0]).load(state)
    with pytest.raises(CheckpointError, match="critic"):
        optimizer_of([1.0, 2.0], [1.0]).load(state)
