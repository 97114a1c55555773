"""How a loss per token becomes one number: a weight for each token, fixed by counts of the whole
optimizer step, so that how rows are split into micro-batches changes nothing."""

from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor

Aggregation = Literal["token-mean", "seq-mean-token-mean", "seq-mean-token-sum"]


def token_weights(
    action_mask: Bool[Tensor, "B T"],
    aggregation: Aggregation,
    num_actions: int,
    num_rows: int,
    length_norm: float | None = None,
) -> Float[Tensor, "B T"]:
    """w with loss = sum_{i,t} w_{i,t} loss_{i,t}; 0 off the mask. Row i has n_i action tokens.

    token-mean            w = 1 / num_actions
    seq-mean-token-mean   w = 1 / (num_rows n_i)
    seq-mean-token-sum    w = 1 / (num_rows L), L = length_norm or 1

    Args:
        num_actions, num_rows: counts of the whole optimizer step.
        length_norm: a constant length in tokens.

    Source: token-mean: DAPO (arXiv:2503.14476), eq. 8. seq-mean-token-mean: GRPO
    (arXiv:2402.03300), eq. 3. A constant length: Dr. GRPO (arXiv:2503.20783), section 3.2.
    """
    mask = action_mask.float()
    if aggregation == "token-mean":
        return mask / max(num_actions, 1)
    if aggregation == "seq-mean-token-mean":
        return mask / mask.sum(dim=1, keepdim=True).clamp(min=1) / max(num_rows, 1)
    return mask / (max(num_rows, 1) * (length_norm or 1.0))
