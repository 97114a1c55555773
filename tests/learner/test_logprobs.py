"""Log-probabilities and entropies in chunks, against torch's own softmax and autograd."""

import math

import pytest
import torch
from torch import Tensor

from guerdon.learner.logprobs import score


def inputs(rows: int = 7, size: int = 5, vocabulary: int = 11) -> dict[str, Tensor]:
    torch.manual_seed(0)
    hidden = torch.randn(rows, size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(vocabulary, size, dtype=torch.float64, requires_grad=True)
    return {
        "hidden": hidden,
        "weight": weight,
        "bias": torch.randn(vocabulary, dtype=torch.float64, requires_grad=True),
        "targets": torch.randint(0, vocabulary, (rows,)),
        "temperature": torch.tensor([1.0, 0.5, 2.0, 0.0, 1.0, 1.3, 0.7], dtype=torch.float64),
    }


def plain(x: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    temperature = torch.where(x["temperature"] > 0, x["temperature"], 1.0)
    logits = (x["hidden"] @ x["weight"].T + x["bias"]) / temperature[:, None]
    logp = logits.log_softmax(-1)
    return logp.gather(1, x["targets"][:, None]).squeeze(1), -(logp.exp() * logp).sum(-1)


@pytest.mark.parametrize("max_logits", [1, 23, 33, 10_000])
@pytest.mark.parametrize("entropy_grad", [False, True])
def test_chunks_change_neither_values_nor_gradients(max_logits: int, entropy_grad: bool) -> None:
    x = inputs()
    leaves = [x["hidden"], x["weight"], x["bias"]]
    up, sideways = torch.randn(2, 7, dtype=torch.float64)
    logprobs, entropy = plain(x)
    target = (up * logprobs + (sideways * entropy if entropy_grad else 0)).sum()
    expected = torch.autograd.grad(target, leaves)
    found, found_entropy = score(**x, entropy_grad=entropy_grad, max_logits=max_logits)
    torch.testing.assert_close(found, logprobs, atol=1e-12, rtol=0)
    torch.testing.assert_close(found_entropy, entropy, atol=1e-12, rtol=0)
    assert found_entropy.requires_grad == entropy_grad
    target = (up * found + (sideways * found_entropy if entropy_grad else 0)).sum()
    for mine, theirs in zip(torch.autograd.grad(target, leaves), expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=1e-10)


def test_two_equal_logits_are_one_bit_apart_from_certainty() -> None:
    logprobs, entropy = score(
        torch.ones(1, 1), torch.zeros(2, 1), None, torch.tensor([1]), torch.ones(1)
    )
    assert logprobs.item() == pytest.approx(-math.log(2))
    assert entropy.item() == pytest.approx(math.log(2))


def test_temperature_divides_logits_and_zero_counts_as_one() -> None:
    weight = torch.tensor([[2.0], [0.0]])
    hidden, targets = torch.ones(3, 1), torch.zeros(3, dtype=torch.long)
    logprobs, _ = score(hidden, weight, None, targets, torch.tensor([1.0, 2.0, 0.0]))
    expected = [-math.log1p(math.exp(-2 / t)) for t in (1.0, 2.0, 1.0)]
    assert logprobs.tolist() == pytest.approx(expected)


def test_a_frozen_output_layer_gets_no_gradient_and_hidden_states_do() -> None:
    x = inputs()
    x["weight"], x["bias"] = x["weight"].detach(), x["bias"].detach()
    score(**x)[0].sum().backward()
    assert x["weight"].grad is None
    assert x["hidden"].grad is not None


def test_logprobs_of_bfloat16_are_float32() -> None:
    x = inputs()
    half = {n: v.detach().bfloat16() for n, v in x.items() if n in ("hidden", "weight", "bias")}
    logprobs, _ = score(**half, targets=x["targets"], temperature=x["temperature"].float())
    assert logprobs.dtype == torch.float32
    torch.testing.assert_close(logprobs.double(), plain(x)[0].detach(), atol=0.1, rtol=0.05)
