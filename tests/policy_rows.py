"""Rows of random tokens, a small algorithm, and the plain computation a learner must agree with."""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from guerdon.batch import Batch
from guerdon.types import Reward, Trajectory, Turn


def make_row(
    group: str,
    prompt: list[int],
    turns: list[tuple[list[int], list[int]]],
    logprob: float = -1.0,
    temperature: float = 1.0,
) -> Trajectory:
    """A row from its prompt and (action, observation) token lists."""
    token_ids, mask, parts = list(prompt), [False] * len(prompt), []
    for action, observation in turns:
        span = (len(token_ids), len(token_ids) + len(action))
        token_ids += action + observation
        mask += [True] * len(action) + [False] * len(observation)
        parts.append(Turn((), {"role": "assistant", "content": ""}, span))
    return Trajectory(
        role="policy",
        group=group,
        turns=tuple(parts),
        token_ids=tuple(token_ids),
        action_mask=tuple(mask),
        logprobs=tuple(logprob if acted else 0.0 for acted in mask),
        reward=Reward(1.0),
        temperature=temperature,
    )


def mixed_rows() -> Batch:
    """Nine rows in four groups: shared and lone prompts, several turns, one-token actions."""
    generator = torch.Generator().manual_seed(1)

    def ids(count: int) -> list[int]:
        return torch.randint(3, 250, (count,), generator=generator).tolist()

    a, b, c, d = ids(7), ids(12), ids(1), ids(40)
    return Batch.from_trajectories(
        [
            make_row("a", a, [(ids(5), [])]),
            make_row("a", a, [(ids(3), ids(4)), (ids(2), ids(3))], temperature=0.5),
            make_row("b", b, [(ids(1), [])]),
            make_row("a", a, [(ids(9), [])], temperature=0.0),
            make_row("b", b, [(ids(6), ids(1))]),
            make_row("c", c, [(ids(4), [])], temperature=2.0),
            make_row("b", b, [(ids(1), ids(2)), (ids(1), ids(2)), (ids(1), [])]),
            make_row("d", d, [(ids(30), [])]),
            make_row("d", d, [(ids(24), [])]),
        ]
    )


def plain_scores(model: PreTrainedModel, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """logprobs, entropy [B, T] and hidden states [B, T, D], from a padded forward pass."""
    visible = torch.arange(batch.token_ids.shape[1]) < batch.lengths[:, None]
    out = model(input_ids=batch.token_ids, attention_mask=visible.long(), output_hidden_states=True)
    temperature = torch.where(batch.temperature > 0, batch.temperature, 1.0)
    logp = (out.logits[:, :-1].double() / temperature[:, None, None]).log_softmax(-1)
    logprobs = torch.zeros(batch.token_ids.shape, dtype=torch.float64)
    entropy, mask = logprobs.clone(), batch.action_mask
    found = logp.gather(2, batch.token_ids[:, 1:, None]).squeeze(2)
    logprobs[:, 1:] = found
    entropy[:, 1:] = -(logp.exp() * logp).sum(-1)
    return logprobs * mask, entropy * mask, out.hidden_states[-1]


@dataclass
class Surrogate:
    """-sum(A ratio) / num_actions, and every optional term a learner must feed."""

    entropy_coef: float = 0.0
    value_coef: float = 0.0
    kl_coef: float = 0.0
    needs_every_row: bool = False

    @property
    def needs_critic(self) -> bool:
        return self.value_coef > 0

    @property
    def needs_reference(self) -> bool:
        return self.kl_coef > 0

    def estimate(self, batch: Batch) -> Batch:
        return batch

    def loss(
        self, logprobs: Tensor, entropy: Tensor, values: Tensor | None, batch: Batch
    ) -> tuple[Tensor, dict[str, float]]:
        old = logprobs.detach() if batch.old_logprobs is None else batch.old_logprobs
        assert batch.advantages is not None
        terms = -(logprobs - old).exp() * batch.advantages - self.entropy_coef * entropy
        if values is not None:
            assert batch.returns is not None
            terms = terms + self.value_coef * (values - batch.returns) ** 2
        if batch.ref_logprobs is not None:
            terms = terms + self.kl_coef * (logprobs - batch.ref_logprobs)
        loss = (terms * batch.action_mask).sum() / batch.num_actions
        mean_entropy = entropy.sum().item() / batch.num_actions
        return loss, {"loss/total": loss.item(), "policy/entropy": mean_entropy}


def with_advantages(batch: Batch, seed: int = 0) -> Batch:
    """Random advantages and returns on the action tokens."""
    generator = torch.Generator().manual_seed(seed)

    def random() -> Tensor:
        noise = torch.randn(batch.logprobs.shape, generator=generator, dtype=torch.float64)
        return noise.to(batch.logprobs.dtype) * batch.action_mask

    return batch.with_(advantages=random(), returns=random())


def in_float64(batch: Batch) -> Batch:
    """Every floating tensor of a batch in float64."""
    changes = {
        name: value.double()
        for name, value in vars(batch).items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }
    return batch.with_(**changes)


def plain_gradient(model: PreTrainedModel, batch: Batch, algorithm: Surrogate) -> dict[str, Tensor]:
    """Gradient of one optimizer step, computed without any of the learner's machinery."""
    logprobs, entropy, _ = plain_scores(model, batch)
    algorithm.loss(logprobs, entropy, None, batch)[0].backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
