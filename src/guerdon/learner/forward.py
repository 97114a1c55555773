"""From a pack to numbers about its action tokens: the forward pass that all stages share."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from guerdon import attention
from guerdon.batch import Batch
from guerdon.learner.blocks import BlockLayout
from guerdon.learner.logprobs import score
from guerdon.learner.masked import FlexLayout
from guerdon.learner.packing import Pack


def layout_for(pack: Pack) -> attention.Layout:
    """The fastest attention for a pack on the device it is on."""
    return FlexLayout(pack) if pack.token_ids.is_cuda else BlockLayout(pack)


def hidden_states(model: PreTrainedModel, pack: Pack) -> Float[Tensor, "A D"]:
    """The last hidden states that predict the action tokens.

    Args:
        model: with a language-model head or without; run inside `attention.attending`.
    """
    out = model.base_model(
        input_ids=pack.token_ids[None], position_ids=pack.position_ids[None], use_cache=False
    )
    hidden: Tensor = out.last_hidden_state[0].index_select(0, pack.sources)
    return hidden


def score_actions(
    model: PreTrainedModel,
    hidden: Float[Tensor, "A D"],
    pack: Pack,
    batch: Batch,
    *,
    entropy_grad: bool = False,
) -> tuple[Float[Tensor, " A"], Float[Tensor, " A"]]:
    """Log-probability and entropy of each action token, at its row's temperature.

    Args:
        batch: the rows that were packed, all of them.
    """
    head = model.get_output_embeddings()
    rows, columns = places(pack)
    targets = batch.token_ids[rows, columns].to(hidden.device)
    temperature = batch.temperature[rows].to(hidden.device)
    return score(hidden, head.weight, head.bias, targets, temperature, entropy_grad=entropy_grad)


def places(pack: Pack) -> tuple[Tensor, Tensor]:
    """Row and column of each action token in the batch that was packed."""
    return pack.rows[pack.action_rows].cpu(), pack.action_columns.cpu()


def spread(actions: Float[Tensor, " A"], pack: Pack, shape: torch.Size) -> Float[Tensor, "R T"]:
    """One number an action token -> the pack's rows [R, T], 0 off the mask, with gradient."""
    return actions.new_zeros(shape).index_put((pack.action_rows, pack.action_columns), actions)
