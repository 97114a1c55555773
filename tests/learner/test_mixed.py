"""Rows of another loss in a step's updates, against a plain computation of both losses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from guerdon import hf
from guerdon.algorithms.imitation import Imitation
from guerdon.batch import Batch
from guerdon.config.schema import Learner as Settings
from guerdon.errors import UpdateError
from guerdon.learner.learner import Learner
from guerdon.learner.mixed import Mixed
from guerdon.learner.models import PolicyModels
from policy_rows import Surrogate, in_float64, make_row, plain_scores, with_advantages

SAID = [
    make_row("", [5, 6, 7], [([8, 9], [10, 11, 12]), ([13, 14, 15], [])]),
    make_row("", [5, 6, 7], [([20], [])]),
    make_row("", [40, 41], [([42, 43, 44, 45, 46], [])]),
    make_row("", [50], [([51, 52], [])]),
]


def given(coef: float, rows: int = 4) -> Mixed:
    imitation = Imitation()
    batch = imitation.estimate(in_float64(Batch.from_trajectories(SAID[:rows])))
    return Mixed(batch, imitation, coef)


def learner_of(folder: Path, **settings: object) -> Learner:
    models = PolicyModels(hf.load_model(folder, dtype=torch.float64), hf.load_tokenizer(folder))
    chosen = Settings(max_grad_norm=0.0, **settings)  # type: ignore[arg-type]
    return Learner(models, Surrogate(entropy_coef=0.3), chosen, total_steps=1)


def gradient_of(learner: Learner, batch: Batch, mixed: Mixed) -> dict[str, Tensor]:
    """The gradient of an update of one step, as the optimizer is about to step with it."""
    found: dict[str, Tensor] = {}
    step = learner._optimizer.step

    def spy(factor: float) -> None:
        for name, parameter in learner.models.policy.named_parameters():
            assert parameter.grad is not None
            found[name] = parameter.grad.clone()
        step(factor)

    learner._optimizer.step = spy  # type: ignore[method-assign]
    learner.update(batch, mixed)
    return found


def plain_ptx_loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    """-mean log pi over the tokens that were said."""
    logprobs, _, _ = plain_scores(model, batch)
    return -logprobs.sum() / int(batch.action_mask.sum())


@pytest.mark.parametrize("micro_tokens", [16_384, 10])
@pytest.mark.usefixtures("exact_norms")
def test_the_gradient_is_the_policys_plus_coef_times_that_of_imitation(
    policy_folder: Path,
    plain_model: Callable[[], PreTrainedModel],
    rows: Batch,
    micro_tokens: int,
) -> None:
    batch, mixed = in_float64(with_advantages(rows)), given(coef=2.5)
    learner = learner_of(policy_folder, micro_tokens=micro_tokens)
    model, algorithm = plain_model(), Surrogate(entropy_coef=0.3)
    logprobs, entropy, _ = plain_scores(model, batch)
    loss, _ = algorithm.loss(logprobs, entropy, None, batch)
    (loss + 2.5 * plain_ptx_loss(model, mixed.batch)).backward()
    found = gradient_of(learner, batch, mixed)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(found[name], parameter.grad, atol=1e-10, rtol=1e-10)


@pytest.mark.usefixtures("exact_norms")
def test_what_is_reported_is_the_mean_loss_of_the_given_tokens_and_no_other_metric_moves(
    policy_folder: Path, plain_model: Callable[[], PreTrainedModel], rows: Batch
) -> None:
    batch, mixed = in_float64(with_advantages(rows)), given(coef=2.5)
    alone = learner_of(policy_folder).update(batch)
    both = learner_of(policy_folder).update(batch, mixed)
    expected = plain_ptx_loss(plain_model(), mixed.batch).item()
    assert both.pop("policy/ptx_loss") == pytest.approx(expected, rel=1e-10)
    changed = {name for name in alone if both[name] != alone[name]}
    tokens = {"learner/tokens_trained", "learner/tokens_computed"}
    assert changed == tokens | {"policy/grad_norm"}
    assert both["learner/tokens_trained"] - alone["learner/tokens_trained"] == 13
    assert both.keys() == alone.keys()


@pytest.mark.usefixtures("exact_norms")
def test_every_optimizer_step_has_a_share_of_its_own_and_means_over_it(
    policy_folder: Path, plain_model: Callable[[], PreTrainedModel], rows: Batch
) -> None:
    batch = in_float64(with_advantages(rows))
    learner = learner_of(policy_folder, lr=0.0, epochs=2, minibatches=2)
    metrics = learner.update(learner.annotate(batch), given(coef=1.0))
    model = plain_model()
    one_by_one = [plain_ptx_loss(model, Batch.from_trajectories([row])).item() for row in SAID]
    assert metrics["learner/updates"] == 4
    assert metrics["policy/ptx_loss"] == pytest.approx(sum(one_by_one) / 4, rel=1e-10)


def test_a_step_without_anything_to_learn_mixes_nothing_in(
    policy_folder: Path, rows: Batch
) -> None:
    batch = in_float64(with_advantages(rows))
    assert batch.advantages is not None
    silent = batch.with_(advantages=torch.zeros_like(batch.advantages))
    learner = learner_of(policy_folder)
    learner.algorithm = Surrogate()
    before = [parameter.clone() for parameter in learner.models.policy.parameters()]
    metrics = learner.update(silent, given(coef=1.0))
    assert metrics["learner/updates"] == 0
    assert "policy/ptx_loss" not in metrics
    assert all(map(torch.equal, before, learner.models.policy.parameters()))


@dataclass
class Infinite(Imitation):
    """Its loss is not finite."""

    def loss(
        self, logprobs: Tensor, entropy: Tensor, values: Tensor | None, batch: Batch
    ) -> tuple[Tensor, dict[str, float]]:
        return logprobs.sum() * torch.inf, {}


def test_a_loss_of_given_rows_that_is_not_finite_changes_no_weight_and_is_named(
    policy_folder: Path, rows: Batch
) -> None:
    batch, mixed = in_float64(with_advantages(rows)), given(coef=1.0)
    broken = Mixed(mixed.batch, Infinite(), 1.0)
    learner = learner_of(policy_folder, max_bad_updates=2)
    before = [parameter.clone() for parameter in learner.models.policy.parameters()]
    assert learner.update(batch, broken)["policy/bad_updates"] == 1
    assert all(map(torch.equal, before, learner.models.policy.parameters()))
    with pytest.raises(UpdateError, match=r"the conversations of ptx\.source; lower ptx\.coef"):
        learner.update(batch, broken)
