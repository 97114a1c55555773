"""The learner against the plain computation: padded rows through transformers' own attention."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from guerdon import hf
from guerdon.batch import Batch
from guerdon.config.schema import Critic as CriticSettings
from guerdon.config.schema import Learner as Settings
from guerdon.config.schema import Lora, ModelSpec
from guerdon.errors import CheckpointError, UpdateError
from guerdon.learner.learner import Learner
from guerdon.learner.models import PolicyModels, load_models
from policy_rows import Surrogate, in_float64, plain_gradient, plain_scores, with_advantages


def learner_of(
    folder: Path,
    algorithm: Surrogate | None = None,
    *,
    lora: Lora | None = None,
    dtype: str = "float32",
    own_critic: bool = False,
    **settings: object,
) -> Learner:
    algorithm = algorithm or Surrogate()
    critic = CriticSettings(path=str(folder) if own_critic else None)
    models = load_models(
        ModelSpec(path=str(folder), lora=lora, dtype=dtype, device="cpu"),  # type: ignore[arg-type]
        critic=critic if algorithm.needs_critic else None,
        needs_reference=algorithm.needs_reference,
    )
    values = {"lr": 1e-3, **settings}
    return Learner(models, algorithm, Settings(**values), total_steps=10, seed=5)  # type: ignore


def weights(learner: Learner) -> dict[str, Tensor]:
    return {n: p.detach().clone() for n, p in learner.models.policy.named_parameters()}


def captured_gradient(learner: Learner, batch: Batch) -> dict[str, Tensor]:
    """The gradient of one update, before it is clipped and stepped with."""
    found: dict[str, Tensor] = {}
    step = learner._optimizer.step

    def spy(factor: float) -> None:
        for name, parameter in learner.models.policy.named_parameters():
            if parameter.grad is not None:
                found[name] = parameter.grad.clone()
        step(factor)

    learner._optimizer.step = spy  # type: ignore[method-assign]
    learner.update(batch)
    return found


def float64_learner(folder: Path, algorithm: Surrogate, **settings: object) -> Learner:
    model = hf.load_model(folder, dtype=torch.float64)
    models = PolicyModels(model, hf.load_tokenizer(folder))
    return Learner(
        models, algorithm, Settings(max_grad_norm=0.0, **settings), total_steps=1, seed=0
    )


@pytest.mark.parametrize("share_prompts", [True, False])
@pytest.mark.parametrize("micro_tokens", [16_384, 60, 10])
@pytest.mark.usefixtures("exact_norms")
def test_the_gradient_is_that_of_padded_rows_however_rows_are_packed(
    policy_folder: Path,
    plain_model: Callable[[], PreTrainedModel],
    rows: Batch,
    share_prompts: bool,
    micro_tokens: int,
) -> None:
    batch = in_float64(with_advantages(rows))
    algorithm = Surrogate(entropy_coef=0.3)
    learner = float64_learner(
        policy_folder, algorithm, share_prompts=share_prompts, micro_tokens=micro_tokens
    )
    expected = plain_gradient(plain_model(), batch, algorithm)
    found = captured_gradient(learner, batch)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-10, rtol=1e-10)


@pytest.mark.usefixtures("exact_norms")
def test_recomputing_layers_changes_no_gradient(policy_folder: Path, rows: Batch) -> None:
    batch = in_float64(with_advantages(rows))
    once = captured_gradient(float64_learner(policy_folder, Surrogate()), batch)
    twice = captured_gradient(
        float64_learner(policy_folder, Surrogate(), gradient_checkpointing=True), batch
    )
    for name, gradient in once.items():
        torch.testing.assert_close(twice[name], gradient, atol=1e-12, rtol=1e-12)


def test_only_tokens_that_predict_an_action_or_lead_to_one_are_computed(
    policy_folder: Path, rows: Batch
) -> None:
    metrics = learner_of(policy_folder, Surrogate(needs_every_row=True)).update(
        with_advantages(rows)
    )
    # prompts 7, 12, 1, 40 once; rows up to their last action token, which predicts nothing
    own = (4 + (3 + 4 + 1) + 8) + (0 + 5 + (1 + 2 + 1 + 2)) + 3 + (29 + 23)
    assert metrics["learner/tokens_computed"] == 7 + 12 + 1 + 40 + own
    assert metrics["learner/tokens_trained"] == rows.num_actions


def test_rows_without_advantage_are_not_computed_and_change_nothing(
    policy_folder: Path, rows: Batch
) -> None:
    batch = with_advantages(rows)
    assert batch.advantages is not None
    silent = torch.tensor([0, 1, 2])
    advantages = batch.advantages.index_fill(0, silent, 0.0)
    batch = batch.with_(advantages=advantages)
    lazy, eager = Surrogate(), Surrogate(needs_every_row=True)
    skipped = learner_of(policy_folder, lazy)
    computed = learner_of(policy_folder, eager)
    few, all_rows = skipped.update(batch), computed.update(batch)
    assert few["learner/tokens_computed"] < all_rows["learner/tokens_computed"]
    assert few["loss/total"] == pytest.approx(all_rows["loss/total"], rel=1e-5)
    assert few["policy/grad_norm"] == pytest.approx(all_rows["policy/grad_norm"], rel=1e-4)
    trained = batch.select(batch.has_signal)
    _, entropy, _ = plain_scores(skipped_model := plain_copy(policy_folder), trained)
    mean = entropy.sum().item() / int(trained.action_mask.sum())
    assert skipped_model.training is False
    assert few["policy/entropy"] == pytest.approx(mean, rel=1e-4)


def plain_copy(folder: Path) -> PreTrainedModel:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa").eval()


def test_annotate_fills_only_what_the_algorithm_and_the_number_of_updates_need(
    policy_folder: Path, rows: Batch
) -> None:
    once = learner_of(policy_folder).annotate(rows)
    assert once.old_logprobs is None
    assert once.ref_logprobs is None
    assert once.values is None
    engine = learner_of(policy_folder, epochs=2, old_logprobs="engine").annotate(rows)
    assert engine.old_logprobs is rows.logprobs


def test_old_logprobs_and_reference_of_the_learner_are_those_of_padded_rows(
    policy_folder: Path, plain_model: Callable[[], PreTrainedModel], rows: Batch
) -> None:
    learner = learner_of(policy_folder, Surrogate(kl_coef=0.1), minibatches=2)
    found = learner.annotate(rows)
    with torch.no_grad():
        expected, _, _ = plain_scores(plain_model(), rows)
    assert found.old_logprobs is not None
    assert found.ref_logprobs is not None
    torch.testing.assert_close(found.old_logprobs.double(), expected, atol=1e-4, rtol=0.0)
    assert torch.equal(found.old_logprobs, found.ref_logprobs)


def test_the_reference_stays_where_the_policy_started(policy_folder: Path, rows: Batch) -> None:
    for lora in (None, Lora(rank=2)):
        learner = learner_of(policy_folder, Surrogate(kl_coef=0.1), lora=lora, minibatches=2)
        before = learner.annotate(with_advantages(rows))
        learner.update(before)
        after = learner.annotate(rows)
        assert before.ref_logprobs is not None
        assert after.ref_logprobs is not None
        assert torch.equal(before.ref_logprobs, after.ref_logprobs)
        assert after.old_logprobs is not None
        assert (after.old_logprobs - after.ref_logprobs).abs().max() > 1e-5


@pytest.mark.parametrize("own_critic", [False, True])
def test_the_critic_values_the_state_before_each_action(
    policy_folder: Path,
    plain_model: Callable[[], PreTrainedModel],
    rows: Batch,
    own_critic: bool,
) -> None:
    learner = learner_of(policy_folder, Surrogate(value_coef=1.0), own_critic=own_critic)
    critic = learner.models.critic
    assert critic is not None
    assert (critic.backbone is not None) == own_critic
    torch.nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, _, hidden = plain_scores(plain_model(), rows)
    expected = torch.zeros_like(rows.logprobs)
    expected[:, 1:] = (hidden[:, :-1].float() @ critic.head.weight[0]).detach()
    values = learner.annotate(rows).values
    assert values is not None
    torch.testing.assert_close(values, expected * rows.action_mask, atol=1e-4, rtol=1e-4)


def test_a_value_head_learns_returns(policy_folder: Path, rows: Batch) -> None:
    batch = with_advantages(rows)
    batch = batch.with_(
        advantages=torch.zeros_like(batch.logprobs), returns=batch.action_mask + 0.0
    )
    learner = learner_of(policy_folder, Surrogate(value_coef=1.0, needs_every_row=True), lr=1e-2)
    losses = [learner.update(batch)["loss/total"] for _ in range(20)]
    assert losses[0] == pytest.approx(1.0)
    assert losses[-1] < 0.1


def test_updates_raise_the_logprob_of_what_has_advantage(policy_folder: Path, rows: Batch) -> None:
    batch = rows.with_(advantages=rows.action_mask.float())
    learner = learner_of(policy_folder, epochs=2, minibatches=2, old_logprobs="learner")
    before = learner.annotate(batch)
    metrics = learner.update(before)
    after = learner.annotate(batch)
    assert before.old_logprobs is not None
    assert after.old_logprobs is not None
    assert after.old_logprobs.sum() > before.old_logprobs.sum() + 1.0
    assert metrics["learner/updates"] == 4


def test_the_engine_gap_is_the_distance_to_the_engines_logprobs_before_the_first_update(
    policy_folder: Path, plain_model: Callable[[], PreTrainedModel], rows: Batch
) -> None:
    with torch.no_grad():
        exact, _, _ = plain_scores(plain_model(), rows)
    noise = torch.zeros_like(rows.logprobs)
    noise[3, 10] = 0.25
    batch = with_advantages(rows).with_(logprobs=exact.float() + noise)
    metrics = learner_of(policy_folder, epochs=2, old_logprobs="engine").update(batch)
    assert metrics["policy/engine_gap"] == pytest.approx(0.25, abs=1e-4)
    assert metrics["policy/engine_gap_mean"] == pytest.approx(0.25 / rows.num_actions, abs=1e-4)


def test_minibatches_are_whole_groups_in_an_order_of_seed_and_step(
    policy_folder: Path, rows: Batch
) -> None:
    learner = learner_of(policy_folder, minibatches=3)
    order = learner._order(rows, 0)
    assert sorted(order.tolist()) == list(range(rows.size))
    groups = rows.group[order].tolist()
    assert len([g for g, following in pairwise(groups) if g != following]) == 3
    assert torch.equal(order, learner._order(rows, 0))
    orders = {tuple(learner._order(rows, epoch).tolist()) for epoch in range(8)}
    assert len(orders) > 1


def test_a_bad_update_changes_nothing_and_is_counted(policy_folder: Path, rows: Batch) -> None:
    good = with_advantages(rows)
    assert good.advantages is not None
    bad = good.with_(advantages=good.advantages.index_fill(0, torch.tensor([4]), math.nan))
    learner, untouched = learner_of(policy_folder), learner_of(policy_folder)
    learner.update(good)
    untouched.update(good)
    metrics = learner.update(bad)
    untouched.step += 1
    assert metrics["policy/bad_updates"] == 1
    assert metrics["learner/updates"] == 0
    for name, value in weights(untouched).items():
        assert torch.equal(weights(learner)[name], value)
    assert learner.update(good) == untouched.update(good)


def test_a_gradient_that_overflows_is_a_bad_update(policy_folder: Path, rows: Batch) -> None:
    batch = rows.with_(advantages=rows.action_mask * 3e38)
    learner = learner_of(policy_folder, micro_tokens=60)
    before = weights(learner)
    assert learner.update(batch)["policy/bad_updates"] == 1
    assert all(torch.equal(before[name], value) for name, value in weights(learner).items())


def test_too_many_bad_updates_in_a_row_stop_the_run_and_name_the_rows(
    policy_folder: Path, rows: Batch
) -> None:
    good = with_advantages(rows)
    assert good.advantages is not None
    bad = good.with_(advantages=good.advantages.index_fill(0, torch.tensor([5]), math.inf))
    learner = learner_of(policy_folder, max_bad_updates=2, micro_tokens=10)
    learner.update(bad)
    learner.update(good)  # the count is of updates in a row
    learner.update(bad)
    with pytest.raises(UpdateError, match=r"rows \[5\] \(groups \[2\]\)"):
        learner.update(bad)


class RecordingEngine:
    """Keeps what it was given."""

    def load_weights(self, named_tensors: Iterable[tuple[str, Tensor]], version: int) -> None:
        self.tensors, self.version = dict(named_tensors), version


def test_publish_gives_the_engine_the_policys_own_storage(policy_folder: Path) -> None:
    learner, engine = learner_of(policy_folder), RecordingEngine()
    learner.publish(engine, version=7)
    assert engine.version == 7
    own = dict(learner.models.policy.named_parameters())
    assert engine.tensors.keys() == own.keys()
    assert all(t.data_ptr() == own[name].data_ptr() for name, t in engine.tensors.items())


def test_bfloat16_weights_move_by_steps_smaller_than_their_spacing(
    policy_folder: Path, rows: Batch
) -> None:
    batch = with_advantages(rows)
    learner = learner_of(policy_folder, dtype="bfloat16", lr=1e-4, micro_tokens=60)
    before = weights(learner)
    for _ in range(12):
        learner.update(batch)
    norm = "model.norm.weight"  # 1.0 everywhere: the next bfloat16 below is 0.4 % away
    moved = {n for n, v in weights(learner).items() if not torch.equal(v, before[n])}
    assert norm not in moved
    masters = learner._optimizer.state()
    assert (masters[f"policy.{norm}/master"] - 1.0).abs().max() > 1e-4
    assert moved


VARIANTS = {
    "full": {},
    "lora": {"lora": Lora(rank=2, dropout=0.1)},
    "critic": {"algorithm": Surrogate(value_coef=0.5)},
    "own critic": {"algorithm": Surrogate(value_coef=0.5), "own_critic": True},
    "bfloat16": {"dtype": "bfloat16"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_resume_goes_on_bit_for_bit(
    policy_folder: Path, rows: Batch, tmp_path: Path, variant: str
) -> None:
    options = VARIANTS[variant] | {"minibatches": 2, "schedule": "linear", "warmup_steps": 2}
    batches = [with_advantages(rows, seed) for seed in range(4)]
    learner = learner_of(policy_folder, **options)  # type: ignore[arg-type]
    for batch in batches[:2]:
        learner.update(learner.annotate(batch))
    learner.save(tmp_path)
    resumed = learner_of(policy_folder, **options)  # type: ignore[arg-type]
    resumed.load(tmp_path)
    for batch in batches[2:]:
        expected, found = learner.annotate(batch), resumed.annotate(batch)
        assert learner.update(expected) == resumed.update(found)
    for name, value in weights(learner).items():
        assert torch.equal(weights(resumed)[name], value)


def test_a_checkpoint_of_another_model_is_refused(
    policy_folder: Path, rows: Batch, tmp_path: Path
) -> None:
    learner = learner_of(policy_folder, lora=Lora(rank=2))
    learner.update(with_advantages(rows))
    learner.save(tmp_path)
    for other in (
        learner_of(policy_folder),
        learner_of(policy_folder, lora=Lora(rank=3)),
        learner_of(policy_folder, lora=Lora(rank=2, targets=["q_proj"])),
    ):
        with pytest.raises(CheckpointError):
            other.load(tmp_path)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        learner.load(tmp_path / "absent")
