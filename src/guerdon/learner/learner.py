"""The learner: turns batches into better weights. It knows no task, reward or engine.

annotate(batch)     log-probabilities and values under the weights as they are
update(batch)       epochs x minibatches (optimizer steps) x micro-batches (token budget)
publish(engine)     the weights to whoever samples
save, load          exact resume
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from guerdon import attention
from guerdon.batch import Batch
from guerdon.config.schema import Learner as Settings
from guerdon.errors import CheckpointError, UpdateError
from guerdon.learner import checkpoint
from guerdon.learner.forward import hidden_states, layout_for, places, score_actions, spread
from guerdon.learner.mixed import Mixed
from guerdon.learner.models import PolicyModels
from guerdon.learner.optimizer import Optimizer, ParameterGroup
from guerdon.learner.packing import Pack, pack
from guerdon.learner.schedule import lr_factor
from guerdon.types import Algorithm, Metrics, derive_seed


@runtime_checkable
class LoadsWeights(Protocol):
    """An engine that can follow the policy."""

    def load_weights(self, named_tensors: Iterable[tuple[str, Tensor]], version: int) -> None:
        """Sample from these weights from now on."""
        ...


@dataclass
class _Tally:
    """Sums over the micro-batches of an optimizer step, or the optimizer steps of an update."""

    loss: float = 0.0
    metrics: Metrics = field(default_factory=dict)
    num_updates: int = 0
    bad_updates: int = 0
    tokens_computed: int = 0
    tokens_trained: int = 0
    gap_max: float = 0.0
    gap_sum: float = 0.0
    gap_tokens: int = 0

    def add(self, metrics: Metrics, factor: float = 1.0) -> None:
        for name, value in metrics.items():
            self.metrics[name] = self.metrics.get(name, 0.0) + value * factor


class Learner:
    """Trains ``models`` by ``algorithm``.

    Args:
        total_steps: steps of the whole run, for the learning rate's decay.
        seed: the order of minibatches derives from it and the step.
    """

    def __init__(
        self,
        models: PolicyModels,
        algorithm: Algorithm,
        settings: Settings,
        *,
        total_steps: int,
        seed: int = 0,
    ) -> None:
        self.models = models
        self.algorithm = algorithm
        self.settings = settings
        self.total_steps = total_steps
        self.seed = seed
        self.step = 0
        """Updates done, of many optimizer steps each."""
        self._bad_in_a_row = 0
        if settings.gradient_checkpointing:
            backbone = models.critic.backbone if models.critic is not None else None
            for model in (models.policy, backbone):
                if model is not None:
                    model.gradient_checkpointing_enable({"use_reentrant": False})
        self._optimizer = Optimizer(_groups(models, settings), settings)

    # --- annotate --------------------------------------------------------------------------------

    @torch.no_grad()
    def annotate(self, batch: Batch) -> Batch:
        """Fill what the algorithm needs: ``old_logprobs``, ``ref_logprobs``, ``values``.

        ``old_logprobs`` stays None when each row is used for one optimizer step only: then pi_old
        is pi at that step.
        """
        several = self.settings.epochs * self.settings.minibatches > 1
        from_learner = several and self.settings.old_logprobs == "learner"
        old = batch.logprobs if several and not from_learner else None
        values = reference = None
        if from_learner or self.algorithm.needs_critic:
            logprobs, values = self._annotate_with_policy(batch, logprobs=from_learner)
            old = logprobs if from_learner else old
        if self.algorithm.needs_reference:
            model, switched = self.models.as_reference()
            with switched:
                reference = self._score(model, batch)
        return batch.with_(old_logprobs=old, ref_logprobs=reference, values=values)

    @torch.no_grad()
    def score(self, batch: Batch) -> Float[Tensor, "B T"]:
        """log pi(a_t|s_t) under the policy as it is; 0 off the mask."""
        return self._score(self.models.policy, batch)

    def _score(self, model: PreTrainedModel, batch: Batch) -> Float[Tensor, "B T"]:
        found = torch.zeros_like(batch.logprobs)
        for micro in self._packs(batch):
            with attention.attending(layout_for(micro)):
                logprobs, _ = score_actions(model, hidden_states(model, micro), micro, batch)
            found[places(micro)] = logprobs.to(found)
        return found

    def _annotate_with_policy(
        self, batch: Batch, *, logprobs: bool
    ) -> tuple[Float[Tensor, "B T"] | None, Float[Tensor, "B T"] | None]:
        critic = self.models.critic if self.algorithm.needs_critic else None
        old = torch.zeros_like(batch.logprobs) if logprobs else None
        values = torch.zeros_like(batch.logprobs) if critic is not None else None
        for micro in self._packs(batch):
            with attention.attending(layout_for(micro)):
                hidden = None
                if old is not None or (critic is not None and critic.backbone is None):
                    hidden = hidden_states(self.models.policy, micro)
                if old is not None and hidden is not None:
                    scored, _ = score_actions(self.models.policy, hidden, micro, batch)
                    old[places(micro)] = scored.to(old)
                if values is not None:
                    values[places(micro)] = self._values(hidden, micro).to(values)
        return old, values

    def _packs(self, batch: Batch) -> Iterator[Pack]:
        packs = pack(batch, self.settings.micro_tokens, share_prompts=self.settings.share_prompts)
        for micro in packs:
            yield micro.to(self.models.device)

    def _values(self, hidden: Float[Tensor, "A D"] | None, micro: Pack) -> Float[Tensor, " A"]:
        critic = self.models.critic
        assert critic is not None, "the algorithm needs a critic, and none was loaded"
        if critic.backbone is not None:
            hidden = hidden_states(critic.backbone, micro)
        values: Tensor = critic(hidden)
        return values

    # --- update ----------------------------------------------------------------------------------

    def update(self, batch: Batch, mixed: Mixed | None = None) -> Metrics:
        """Learn from one step's rows; every optimizer step also takes its share of ``mixed``.

        Rows whose advantages are all zero are not computed unless the algorithm wants them; means
        of metrics (except ``loss/``) are over the rows that were.

        Raises:
            UpdateError: too many optimizer steps in a row had a non-finite loss or gradient.
        """
        tally = _Tally()
        factor = lr_factor(self.step, self.total_steps, self.settings)
        epochs, parts = self.settings.epochs, self.settings.minibatches
        shares = mixed.split(epochs * parts) if mixed is not None else itertools.repeat(None)
        with self._training():
            for epoch in range(epochs):
                order = self._order(batch, epoch)
                minibatches = batch.split(order, parts)
                for rows, minibatch in zip(order.tensor_split(parts), minibatches, strict=True):
                    self._optimize(minibatch, rows, next(shares), factor, tally)
        self.step += 1
        return self._report(tally, factor)

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Training mode only where it does what was asked for: LoRA dropout, checkpointing."""
        adapter = self.models.adapter
        dropout = adapter.active_peft_config.lora_dropout if adapter is not None else 0.0
        modules = [m for m in (self.models.policy, self.models.critic) if m is not None]
        devices = [self.models.device] if self.models.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(derive_seed(self.seed, "dropout", self.step))
            for module in modules:
                module.train(self.settings.gradient_checkpointing or dropout > 0)
            try:
                yield
            finally:
                for module in modules:
                    module.eval()
                self._optimizer.drop_gradients()

    def _order(self, batch: Batch, epoch: int) -> Int[Tensor, " B"]:
        """Groups in a random order, their rows together: their prompt is computed once."""
        if self.settings.minibatches == 1:
            return torch.arange(batch.size)
        seed = derive_seed(self.seed, "minibatches", self.step, epoch)
        generator = torch.Generator().manual_seed(seed)
        rank = torch.randperm(int(batch.group.max()) + 1, generator=generator)
        return rank[batch.group].argsort(stable=True)

    def _optimize(
        self, batch: Batch, rows: Tensor, mixed: Mixed | None, factor: float, tally: _Tally
    ) -> None:
        """One optimizer step."""
        if not self.algorithm.needs_every_row:
            kept = batch.has_signal
            batch, rows = batch.select(kept), rows[kept]
        if batch.size == 0:
            return
        first = tally.num_updates + tally.bad_updates == 0
        found, bad = self._accumulate(batch, self.algorithm, gap=tally if first else None)
        beside = _Tally()
        if mixed is not None:
            beside, _ = self._accumulate(mixed.batch, mixed.algorithm, coef=mixed.coef)
        for one in (found, beside):
            tally.tokens_computed += one.tokens_computed
            tally.tokens_trained += one.tokens_trained
        norms = self._optimizer.clip()
        if not all(math.isfinite(number) for number in (found.loss, beside.loss, *norms.values())):
            suspects = torch.cat(bad).cpu() if bad else torch.arange(batch.size)
            self._optimizer.drop_gradients()
            given = not bad and not math.isfinite(beside.loss)
            self._count_bad(batch.select(suspects), rows[suspects], tally, is_mixed=given)
            return
        self._bad_in_a_row = 0
        self._optimizer.step(factor)
        self._optimizer.drop_gradients()
        trained = batch.num_actions / found.tokens_trained
        tally.num_updates += 1
        for name, value in found.metrics.items():
            tally.add({name: value}, 1.0 if name.startswith("loss/") else trained)
        tally.add({f"{group}/grad_norm": norm for group, norm in norms.items()})
        if mixed is not None:
            tally.add({"policy/ptx_loss": beside.loss})

    def _accumulate(
        self, batch: Batch, algorithm: Algorithm, *, coef: float = 1.0, gap: _Tally | None = None
    ) -> tuple[_Tally, list[Tensor]]:
        """Add the gradient of coef times the loss, micro-batch by micro-batch.

        Returns:
            What they add up to, and the rows of those whose loss is not finite.
        """
        found, bad = _Tally(), []
        for micro in self._packs(batch):
            loss = self._backward(batch, micro, algorithm, coef, found, gap)
            found.loss += loss
            if not math.isfinite(loss):
                bad.append(micro.rows)
        return found, bad

    def _backward(
        self,
        batch: Batch,
        micro: Pack,
        algorithm: Algorithm,
        coef: float,
        metrics: _Tally,
        gap: _Tally | None,
    ) -> float:
        """Add a micro-batch's gradient, unless its loss is not finite; returns the loss."""
        part = batch.select(micro.rows.cpu()).to(self.models.device)
        with attention.attending(layout_for(micro)):
            hidden = hidden_states(self.models.policy, micro)
            logprobs, entropy = score_actions(
                self.models.policy,
                hidden,
                micro,
                batch,
                entropy_grad=bool(getattr(algorithm, "entropy_coef", 0.0)),
            )
            values = self._values(hidden, micro) if algorithm.needs_critic else None
            shape = part.logprobs.shape
            loss, found = algorithm.loss(
                spread(logprobs, micro, shape),
                spread(entropy, micro, shape),
                None if values is None else spread(values, micro, shape),
                part,
            )
            total = loss.item()
            if math.isfinite(total):
                (coef * loss).backward()
        metrics.add(found)
        metrics.tokens_computed += micro.num_tokens
        metrics.tokens_trained += len(micro.sources)
        if gap is not None:
            engine = part.logprobs[micro.action_rows, micro.action_columns]
            distance = (logprobs.detach() - engine).abs()
            gap.gap_max = max(gap.gap_max, distance.max().item())
            gap.gap_sum += distance.sum().item()
            gap.gap_tokens += len(distance)
        return total

    def _count_bad(self, batch: Batch, rows: Tensor, tally: _Tally, *, is_mixed: bool) -> None:
        tally.bad_updates += 1
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= self.settings.max_bad_updates:
            where = (
                f"rows {sorted(rows.tolist())} (groups {sorted(set(batch.group.tolist()))}); look "
                f"at their rewards, or lower learner.lr"
            )
            if is_mixed:
                where = "the conversations of ptx.source; lower ptx.coef or learner.lr"
            raise UpdateError(
                f"{self._bad_in_a_row} updates in a row had a loss or gradient that is not finite, "
                f"the last one at step {self.step} in {where}"
            )

    def _report(self, tally: _Tally, factor: float) -> Metrics:
        done = max(1, tally.num_updates)
        metrics = {name: value / done for name, value in tally.metrics.items()}
        return metrics | {
            "policy/lr": self.settings.lr * factor,
            "policy/engine_gap": tally.gap_max,
            "policy/engine_gap_mean": tally.gap_sum / max(1, tally.gap_tokens),
            "policy/bad_updates": float(tally.bad_updates),
            "learner/updates": float(tally.num_updates),
            "learner/tokens_trained": float(tally.tokens_trained),
            "learner/tokens_computed": float(tally.tokens_computed),
        }

    # --- weights ---------------------------------------------------------------------------------

    def publish(self, engine: LoadsWeights, version: int) -> None:
        """Give the policy's weights to an engine, by the names they have in ``models.policy``."""
        weights = ((n, p.detach()) for n, p in self.models.policy.named_parameters())
        engine.load_weights(weights, version)

    def save(self, folder: Path) -> None:
        """Write a checkpoint into ``folder``, which exists; see `checkpoint` for what is in it.

        The caller makes it atomic with `checkpoint.write_atomically`.
        """
        checkpoint.save_models(self.models, folder)
        save_file(self._optimizer.state(), folder / "optimizer.safetensors")
        counters = {"step": self.step, "bad_in_a_row": self._bad_in_a_row}
        (folder / "learner.json").write_text(json.dumps(counters))

    def load(self, folder: Path) -> None:
        """Go on exactly where ``save`` was called.

        Raises:
            CheckpointError: something is missing, or of another model.
        """
        if not folder.is_dir():
            raise CheckpointError(f"{folder}: no such checkpoint")
        counters = checkpoint.read_json(folder / "learner.json")
        tensors = checkpoint.read_tensors(folder / "optimizer.safetensors")
        checkpoint.load_models_into(self.models, folder)
        self._optimizer.load(tensors)
        self.step, self._bad_in_a_row = counters["step"], counters["bad_in_a_row"]


def _groups(models: PolicyModels, settings: Settings) -> list[ParameterGroup]:
    def trainable(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
        return {n: p for n, p in module.named_parameters() if p.requires_grad}

    groups = [ParameterGroup("policy", trainable(models.policy), settings.lr)]
    if models.critic is not None:
        lr = settings.lr if settings.critic.lr is None else settings.critic.lr
        groups.append(ParameterGroup("critic", trainable(models.critic), lr))
    return groups
