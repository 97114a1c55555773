"""AdamW on float32 weights, with clipping per group and a state that is only tensors.

A weight in bfloat16 cannot take a step of 1e-6 (its spacing is 1/256 of its size), so each gets a
float32 master that is stepped and rounded back; its gradients accumulate in float32 as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from guerdon.config.schema import Learner as Settings
from guerdon.errors import CheckpointError


@dataclass(frozen=True)
class ParameterGroup:
    """Named parameters that share a learning rate and are clipped together."""

    name: str
    parameters: Mapping[str, nn.Parameter]
    lr: float


class Optimizer:
    """Steps every trainable weight of the given groups."""

    def __init__(self, groups: list[ParameterGroup], settings: Settings) -> None:
        self.groups = groups
        self._max_grad_norm = settings.max_grad_norm
        self._masters = {
            f"{group.name}.{name}": _master(parameter)
            for group in groups
            for name, parameter in group.parameters.items()
        }
        self._adamw = torch.optim.AdamW(
            [
                {"params": self._members(group), "lr": group.lr, "base_lr": group.lr}
                for group in groups
            ],
            betas=settings.betas,
            eps=settings.eps,
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def _members(self, group: ParameterGroup) -> list[Tensor]:
        return [self._masters[f"{group.name}.{name}"] for name in group.parameters]

    def clip(self) -> dict[str, float]:
        """Scale each group's gradient down to ``max_grad_norm``; 0 leaves it.

        Returns:
            The norm of each group's gradient before that, by group name.
        """
        norms = {}
        for group in self.groups:
            grads = [p.grad for p in self._members(group) if p.grad is not None]
            norm = torch.nn.utils.get_total_norm(grads) if grads else torch.zeros(())
            norms[group.name] = norm.item()
            if 0 < self._max_grad_norm < norms[group.name]:
                torch._foreach_mul_(grads, self._max_grad_norm / norms[group.name])
        return norms

    @torch.no_grad()
    def step(self, lr_factor: float) -> None:
        """One update at ``lr_factor`` times each group's learning rate."""
        for options in self._adamw.param_groups:
            options["lr"] = options["base_lr"] * lr_factor
        self._adamw.step()
        for group in self.groups:
            for parameter, master in zip(
                group.parameters.values(), self._members(group), strict=True
            ):
                if master is not parameter:
                    parameter.copy_(master)

    def drop_gradients(self) -> None:
        """Forget the gradients and give their memory back."""
        self._adamw.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Everything that ``load`` needs to go on exactly as before, by parameter name."""
        tensors: dict[str, Tensor] = {}
        for name, master in self._masters.items():
            tensors |= {f"{name}/{key}": value for key, value in self._adamw.state[master].items()}
            if not isinstance(master, nn.Parameter):
                tensors[f"{name}/master"] = master.detach()
            tensors[f"{name}/shape"] = torch.tensor(master.shape)
        return tensors

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state from ``state``.

        Raises:
            CheckpointError: it is of other parameters.
        """
        saved: dict[str, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            name, _, field = key.rpartition("/")
            saved.setdefault(name, {})[field] = value
        if odd := sorted(saved.keys() ^ self._masters.keys()):
            raise CheckpointError(
                f"the checkpoint is of another model: {len(odd)} trainable parameters differ, "
                f"such as {odd[0]!r}"
            )
        for name, master in self._masters.items():
            shape = saved[name].pop("shape").tolist()
            if shape != list(master.shape):
                raise CheckpointError(
                    f"the checkpoint is of another model: {name!r} is {shape} there, "
                    f"{list(master.shape)} here"
                )
            if "master" in saved[name]:
                master.copy_(saved[name].pop("master"))
            self._adamw.state[master] = {
                key: value.to(master.device if value.dim() else "cpu")
                for key, value in saved[name].items()
            }


def _master(parameter: nn.Parameter) -> Tensor:
    if parameter.dtype in (torch.float32, torch.float64):
        return parameter
    master = parameter.detach().to(torch.float32)

    def accumulate(source: Tensor) -> None:
        assert source.grad is not None
        if master.grad is None:
            master.grad = source.grad.to(torch.float32)
        else:
            master.grad += source.grad
        source.grad = None

    parameter.register_post_accumulate_grad_hook(accumulate)
    return master
