"""Projections of one input as one product, their weights staying the parameters they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Joint:
    """Linear layers that read the same input.

    Their weights lie side by side in memory and are used as one matrix without a copy, so whoever
    steps, loads or saves a single one changes the joint one too. Layers that something was added to
    (an adapter) are called one by one.

    Args:
        owner: the module that has them.
        names: of them there.
    """

    def __init__(self, owner: nn.Module, *names: str) -> None:
        self._modules, self._names = owner._modules, names
        self.forget()

    def forget(self) -> None:
        """The weights go elsewhere: hold no memory of theirs."""
        self._layers: list[nn.Module | None] = []
        self._parameters: list[dict[str, Any]] = []
        """Of each layer; [] if one of them is not plain."""
        self._places: list[int] = []
        self._joint: dict[str, Tensor] = {}
        """``weight``, and ``bias`` if there is one."""

    def __call__(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N E"]:
        """What the layers give, side by side."""
        layers = [self._modules[name] for name in self._names]
        if layers != self._layers:
            self._layers = layers
            plain = all(type(layer) is nn.Linear for layer in layers)
            self._parameters = [layer._parameters for layer in layers if layer and plain]
        if not self._parameters:
            return torch.cat([layer(x) for layer in layers if layer], -1)
        if self._places != [own["weight"].data_ptr() for own in self._parameters]:
            self._lay_out()
        joint = self._joint
        if torch.is_grad_enabled():
            joint = {
                name: _Whole.apply(whole, *(own[name] for own in self._parameters))
                for name, whole in joint.items()
            }
        return F.linear(x, **joint)

    @torch.inference_mode(False)
    @torch.no_grad()
    def _lay_out(self) -> None:
        names = [name for name in ("weight", "bias") if self._parameters[0][name] is not None]
        self._joint = {
            name: _side_by_side([own[name] for own in self._parameters]) for name in names
        }
        self._places = [own["weight"].data_ptr() for own in self._parameters]


def _side_by_side(parameters: Sequence[Tensor]) -> Tensor:
    joint = torch.cat([parameter.detach() for parameter in parameters])
    sizes = [len(parameter) for parameter in parameters]
    for parameter, place in zip(parameters, joint.split(sizes), strict=True):
        parameter.data = place
    return joint


class _Whole(torch.autograd.Function):
    """The gradient of each part is its rows of the whole's."""

    @staticmethod
    def forward(ctx: Any, joint: Tensor, *parts: Tensor) -> Tensor:
        ctx.sizes = [len(part) for part in parts]
        return joint.view_as(joint)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return (None, *grads[0].split(ctx.sizes))
