"""Only what the policy sampled is learned from: every template family, tool messages included."""

from __future__ import annotations

import asyncio
import copy
from functools import cache

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from families import FAMILIES
from guerdon import attention
from guerdon.algorithms.gigpo import GiGPO
from guerdon.algorithms.grpo import GRPO
from guerdon.algorithms.policy_gradient import PolicyGradient
from guerdon.algorithms.ppo import PPO
from guerdon.batch import Batch
from guerdon.chat import Chat
from guerdon.config.schema import Learner as Settings
from guerdon.learner.learner import Learner
from guerdon.learner.models import Critic, PolicyModels
from guerdon.templates import ChatTemplate
from guerdon.types import Completion, Message, Model, Reward, Sampling, Trajectory
from policy_rows import in_float64

ALGORITHMS = [
    GRPO(entropy_coef=0.1),
    PPO(critic=False, baseline="group", time="turn", norm="none"),
    GiGPO(norm="none"),
    PPO(entropy_coef=0.1, lam=0.9),
    PPO(time="bilevel", gamma=0.9),
    PPO(time="turn_value", value_clip=None),
]
every_family = pytest.mark.parametrize("family", FAMILIES)


class Teller:
    """Gives its replies one after another, as tokens of its template."""

    def __init__(self, template: ChatTemplate, *replies: str) -> None:
        self.template = template
        self.replies = [template.encode_reply(reply) for reply in replies]

    async def generate(self, prompt: object, sampling: Sampling) -> Completion:
        ids = tuple(self.replies.pop(0))
        return Completion(self.template.decode(ids), ids, (-1.0,) * len(ids))


@cache
def template_of(family: str) -> ChatTemplate:
    return ChatTemplate(FAMILIES[family](), allow_rewrite=True)


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def tool(text: str) -> Message:
    return {"role": "tool", "content": text}


def row_of(family: str, group: str, reward: float, *replies: str) -> Trajectory:
    """A conversation of three turns: a question, what two tools said, another question."""

    async def talk() -> Trajectory:
        chat = Chat(Model(Teller(template_of(family), *replies)), group=group)
        await chat.send(user(f"one {group}"))
        await chat.send(tool("two"), tool("three"))
        chat.reward(reward / 2)
        await chat.send(user("why?"))
        return chat.trajectory(Reward(reward))

    return asyncio.run(talk())


def rows_of(family: str) -> Batch:
    said = [("left", "up", "four"), ("right", "up two", "five"), ("down", "up", "four")]
    rows = [
        row_of(family, group, float(number), *replies)
        for group in ("quail", "robin")
        for number, replies in enumerate(said)
    ]
    return in_float64(Batch.from_trajectories(rows))


@cache
def model_of(family: str) -> Qwen2ForCausalLM:
    """Random weights in float64, with the family's vocabulary."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(template_of(family).tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    return Qwen2ForCausalLM._from_config(config, attn_implementation=attention.NAME).double()


def critic_of(model: PreTrainedModel) -> Critic:
    """A value head whose values are not 0."""
    critic = Critic(model.config.hidden_size, None, like=model.lm_head.weight)
    generator = torch.Generator().manual_seed(2)
    torch.nn.init.normal_(critic.head.weight, generator=generator)
    return critic


def random(shape: torch.Size | tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def loss_and_gradient(
    model: PreTrainedModel,
    batch: Batch,
    algorithm: PolicyGradient,
    noise: Tensor,
    value_noise: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Of a plain forward pass over padded rows, with ``noise`` on the logits that score each token
    and ``value_noise`` on each value.

    What is off the action mask goes into the loss as it comes.
    """
    model, critic = copy.deepcopy(model), critic_of(model)
    model.set_attn_implementation("sdpa")
    visible = torch.arange(batch.token_ids.shape[1]) < batch.lengths[:, None]
    hidden = model.base_model(input_ids=batch.token_ids, attention_mask=visible.long())[0][:, :-1]
    logp = (model.lm_head(hidden) + noise[:, 1:]).log_softmax(-1)
    scored = logp.gather(2, batch.token_ids[:, 1:, None]).squeeze(2)
    entropy = -(logp.exp() * logp).sum(-1)
    first = torch.zeros_like(scored[:, :1])
    worth = critic.head(hidden).squeeze(-1)
    logprobs, entropy, values = (torch.cat([first, x], dim=1) for x in (scored, entropy, worth))
    judged = values + value_noise if algorithm.needs_critic else None
    loss, _ = algorithm.loss(logprobs, entropy, judged, batch)
    loss.backward()
    return loss.detach(), gradients(model, critic)


def gradients(model: PreTrainedModel, critic: Critic) -> dict[str, Tensor]:
    named = [*model.named_parameters(), *critic.named_parameters(prefix="critic")]
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


def learned_gradient(
    model: PreTrainedModel, batch: Batch, algorithm: PolicyGradient
) -> dict[str, Tensor]:
    """Of the learner itself, as its optimizer is about to step with it."""
    model, critic = copy.deepcopy(model), critic_of(model)
    settings = Settings(max_grad_norm=0.0)
    needed = critic if algorithm.needs_critic else None
    models = PolicyModels(model, template_of("chatml").tokenizer, critic=needed)
    learner = Learner(models, algorithm, settings, total_steps=1)
    found: dict[str, Tensor] = {}
    step = learner._optimizer.step

    def spy(factor: float) -> None:
        found.update(gradients(model, critic))
        step(factor)

    learner._optimizer.step = spy  # type: ignore[method-assign]
    learner.update(batch)
    return found


@every_family
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: type(algorithm).__name__)
@pytest.mark.usefixtures("exact_norms")
def test_noise_on_an_observations_logits_and_values_changes_neither_loss_nor_gradient(
    family: str, algorithm: PolicyGradient
) -> None:
    model, batch = model_of(family), rows_of(family)
    acted = batch.action_mask
    noise = 3 * random((*batch.token_ids.shape, model.config.vocab_size), seed=1)
    value_noise = 3 * random(batch.token_ids.shape, seed=3)
    # values before the update are noisy at observations, too; without a critic nobody reads them
    old = random(batch.token_ids.shape, seed=4)
    clean, other = (
        algorithm.estimate(batch.with_(values=old + extra))
        for extra in (torch.zeros_like(old), value_noise * ~acted)
    )
    nothing = noise * 0, value_noise * 0
    loss, gradient = loss_and_gradient(model, clean, algorithm, *nothing)
    observed = noise * ~acted.unsqueeze(-1), value_noise * ~acted
    noisy, again = loss_and_gradient(model, other, algorithm, *observed)
    torch.testing.assert_close(noisy, loss, atol=1e-12, rtol=1e-12)
    learned = learned_gradient(model, other, algorithm)
    assert gradient.keys() == again.keys() == learned.keys()
    assert ("critic.head.weight" in gradient) == algorithm.needs_critic
    for name, expected in gradient.items():
        torch.testing.assert_close(again[name], expected, atol=1e-12, rtol=1e-9)
        torch.testing.assert_close(learned[name], expected, atol=1e-9, rtol=1e-7)
    logits, values = noise * acted.unsqueeze(-1), value_noise * acted
    _, moved = loss_and_gradient(model, clean, algorithm, logits, nothing[1])
    assert any((moved[name] - gradient[name]).abs().max() > 1e-3 for name in gradient)
    _, moved = loss_and_gradient(model, clean, algorithm, nothing[0], values)
    differs = any((moved[name] - gradient[name]).abs().max() > 1e-3 for name in gradient)
    assert differs == algorithm.needs_critic


@every_family
def test_a_row_with_tool_messages_is_the_templates_own_rendering(family: str) -> None:
    template = template_of(family)
    row = row_of(family, "quail", 1.0, "left", "up", "four")
    # a template without the role has the tools' words said by the user, an empty line between them
    told = [tool("two"), tool("three")] if template.supports_tool else [user("two\n\nthree")]
    messages = [user("one quail"), _said("left"), *told, _said("up"), user("why?"), _said("four")]
    text = template.tokenizer.apply_chat_template(messages, tokenize=False).rstrip("\n")
    assert list(row.token_ids) == template.tokenizer.encode(text, add_special_tokens=False)
    for turn, reply in zip(row.turns, ("left", "up", "four"), strict=True):
        sampled = row.token_ids[slice(*turn.span)]
        assert list(sampled) == list(template.encode_reply(reply))


def _said(text: str) -> Message:
    return {"role": "assistant", "content": text}
