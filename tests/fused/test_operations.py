"""The derivatives by hand are those of the formulas."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from guerdon.fused.operations import Angles, rms_norm, rotated, swiglu

SIZES = (4, 2, 2)


def random(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def angles(count: int, dim: int) -> Angles:
    by = torch.arange(count)[:, None] / 3 ** torch.arange(dim // 2)
    by = torch.cat((by, by), -1).double()[None]
    return Angles(by.cos(), by.sin())


def used_up(x: Tensor) -> Tensor:
    """A copy: without a gradient the operations write into what they are given."""
    return x.detach().clone()


def test_the_norm_of_a_row_by_hand() -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]])  # mean of squares 12.5
    want = torch.tensor([[3 / 12.5**0.5, 8 / 12.5**0.5], [0.0, 0.0]])
    weight = torch.tensor([1.0, 2.0])
    for gradient in (True, False):
        with torch.set_grad_enabled(gradient):
            torch.testing.assert_close(rms_norm(x, weight, 1e-12), want)


def test_turning_by_a_quarter_by_hand() -> None:
    quarter = torch.full((1, 1, 4), torch.pi / 2)
    qkv = torch.tensor([[[1.0, 2.0, 3.0, 4.0]] * 4])
    want = torch.tensor([[[-3.0, -4.0, 1.0, 2.0]]])
    for gradient in (True, False):
        with torch.set_grad_enabled(gradient):
            query, key, value = rotated(
                used_up(qkv), Angles(quarter.cos(), quarter.sin()), (2, 1, 1)
            )
        torch.testing.assert_close(query, want.repeat(1, 2, 1))
        torch.testing.assert_close(key, want)
        assert torch.equal(value, qkv[:, 3:])


def test_swiglu_by_hand() -> None:
    gate_up = torch.tensor([[0.0, 1.0, 5.0, 2.0]])
    want = torch.tensor([[0.0, 2 / (1 + torch.e**-1)]])
    for gradient in (True, False):
        with torch.set_grad_enabled(gradient):
            torch.testing.assert_close(swiglu(gate_up), want)


@pytest.mark.parametrize("shape", [(5, 6), (3, 2, 4)])
def test_the_gradient_of_the_norm(shape: tuple[int, ...]) -> None:
    assert gradcheck(lambda x, w: rms_norm(x, w, 1e-3), (random(*shape), random(shape[-1])))


def test_the_gradient_of_turning() -> None:
    assert gradcheck(lambda x: rotated(x, angles(3, 6), SIZES), (random(3, 8, 6),))


def test_the_gradient_of_swiglu() -> None:
    gate_up, up = random(4, 6), random(4, 3).detach()
    gate, other = gate_up.chunk(2, -1)
    (want,) = torch.autograd.grad((torch.nn.functional.silu(gate) * other * up).sum(), gate_up)
    (found,) = torch.autograd.grad((swiglu(gate_up.clone()) * up).sum(), gate_up)
    torch.testing.assert_close(found, want, atol=1e-14, rtol=0)


def test_a_second_backward_pass_through_swiglu_is_refused() -> None:
    out = swiglu(random(2, 4).clone()).sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_with_and_without_gradients_the_values_are_the_same() -> None:
    x, weight, qkv = random(5, 6), random(6), random(5, 8, 6)
    with torch.no_grad():
        alone = [rms_norm(x, weight, 1e-6), *rotated(used_up(qkv), angles(5, 6), SIZES), swiglu(x)]
    both = [rms_norm(x, weight, 1e-6), *rotated(qkv, angles(5, 6), SIZES), swiglu(x)]
    for one, other in zip(alone, both, strict=True):
        torch.testing.assert_close(one, other.detach(), atol=1e-14, rtol=0)
