"""Our estimators and losses beside verl's and TRL's own functions, on random masked batches.

    python benchmarks/compare_algorithms.py --verl DIR --trl DIR

DIR is a checkout of each project; its code is loaded from there and run, none of it is here. Prints
a Markdown table of the largest absolute differences (`docs/algorithms.md` keeps one): advantages
and returns as they are; for losses the loss, and the gradient on the log-probs (or values) times
the number of action tokens.
"""

import argparse
import importlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from guerdon.algorithms import GRPO, PPO, RLOO, PolicyGradient, ReinforcePP
from guerdon.algorithms.aggregation import token_weights
from guerdon.algorithms.kl import Adaptive, estimate_kl
from guerdon.algorithms.losses import engine_weights, value_loss
from guerdon.batch import Batch

Pairs = Iterator[tuple[str, str, Tensor, Tensor]]
"""(what, peer, ours, theirs)"""


# --- random masked batches -----------------------------------------------------------------------


@dataclass
class Case:
    """A batch, and what a learner would bring to its loss."""

    batch: Batch
    logprobs: Tensor
    entropy: Tensor
    values: Tensor

    @property
    def mask(self) -> Tensor:
        return self.batch.action_mask


def random_case(seed: int, *, turns: int, rows: int = 24, width: int = 48) -> Case:
    """Rows of up to ``turns`` turns with gaps of observations, in groups of at least two."""
    g = torch.Generator().manual_seed(seed)
    mask, ends = torch.zeros(rows, width, dtype=torch.bool), torch.zeros(rows, width).bool()
    for row in range(rows):
        cuts = 1 + torch.randperm(width - 1, generator=g)[: 2 * turns].sort().values
        for start, stop in cuts.reshape(turns, 2).tolist():
            mask[row, start:stop] = True
            ends[row, stop - 1] = True

    def noise(scale: float, center: float = 0.0) -> Tensor:
        return (center + scale * torch.randn(rows, width, generator=g)) * mask

    old = noise(0.5, -1.5)
    batch = Batch(
        token_ids=torch.zeros(rows, width, dtype=torch.long),
        action_mask=mask,
        logprobs=old + noise(0.4),
        rewards=torch.randint(0, 4, (rows, width), generator=g) * ends / 2.0,
        turn_ends=ends,
        lengths=torch.full((rows,), width),
        group=(torch.arange(rows) // 2 % (2 + seed % 5))[torch.randperm(rows, generator=g)],
        truncated=torch.zeros(rows, dtype=torch.bool),
        temperature=torch.ones(rows),
        num_actions=int(mask.sum()),
        num_rows=rows,
        old_logprobs=old,
        ref_logprobs=old + noise(0.5),
        values=noise(1.0),
        advantages=noise(1.0),
        returns=noise(1.0),
    )
    moved = (old + noise(0.4), noise(0.3, 1.0), noise(1.0))
    return Case(batch, *(x.requires_grad_() for x in moved))


# --- the peers' code -----------------------------------------------------------------------------


def load_verl(root: Path) -> SimpleNamespace:
    """verl's functions, without its dependencies: packages as bare folders, configs as stubs."""
    package = root / "verl"
    for name in ("verl", "verl.trainer", "verl.trainer.ppo", "verl.utils", "verl.workers"):
        module = ModuleType(name)
        module.__path__ = [str(package.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = module
    config = type("Config", (SimpleNamespace,), {"get": lambda self, *a: getattr(self, *a)})
    stubs = {
        "tensordict": "TensorDict",
        "verl.protocol": "DataProto",
        "verl.trainer.config": "AlgoConfig",
        "verl.trainer.config.algorithm": "RolloutCorrectionConfig",
        "verl.workers.config": "ActorConfig",
        "verl.workers.config.actor": "PolicyLossConfig",
    }
    for name, attribute in stubs.items():
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], attribute, type(attribute, (config,), {}))
    groupwise = importlib.import_module("verl.utils.groupwise")
    vars(sys.modules["verl.utils"]).update(
        as_torch_index=groupwise.as_torch_index, group_mean_std=groupwise.group_mean_std
    )
    return SimpleNamespace(
        core=importlib.import_module("verl.trainer.ppo.core_algos"),
        correction=importlib.import_module("verl.trainer.ppo.rollout_corr_helper"),
        Config=sys.modules["verl.workers.config"].ActorConfig,
    )


def load_trl(root: Path) -> Callable[..., Tensor]:
    """TRL's GRPO loss, with its client of generation servers (unused here) as a stub."""
    sys.path.insert(0, str(root))
    stub = ModuleType("trl.generation.vllm_generation")
    vars(stub)["VLLMGeneration"] = type("VLLMGeneration", (), {})
    sys.modules[stub.__name__] = stub
    trainer: Any = importlib.import_module("trl.trainer.grpo_trainer").GRPOTrainer
    return trainer._compute_loss


def trl_loss(compute: Callable[..., Tensor], case: Case, **options: Any) -> Tensor:
    """TRL's loss of one batch that is a whole optimizer step."""
    batch = case.batch
    reduce = SimpleNamespace(
        reduce=lambda x, reduction: x, gather=lambda x: x, num_processes=1, sync_gradients=True
    )
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (case.logprobs, case.entropy, None),
        args=SimpleNamespace(use_bias_correction_kl=False, delta=options.pop("delta", None)),
        model=SimpleNamespace(training=True),
        accelerator=reduce,
        _metrics=defaultdict(lambda: defaultdict(list)),
        **{
            "aux_loss_enabled": False,
            "top_entropy_quantile": 1.0,
            "off_policy_mask_threshold": None,
            "importance_sampling_level": "token",
            "beta": 0.0,
            "loss_type": "grpo",
            "epsilon_low": 0.2,
            "epsilon_high": 0.28,
            "use_vllm": False,
            "vllm_importance_sampling_correction": False,
            "current_gradient_accumulation_steps": 1,
            "max_completion_length": 64,
            "_entropy_bonus_enabled": options.get("entropy_coef", 0.0) > 0,
            "use_adaptive_entropy": False,
        }
        | options,
    )
    ids = torch.zeros_like(batch.token_ids)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": ids[:, :1],
        "completion_ids": ids,
        "completion_mask": batch.action_mask.long(),
        "advantages": batch.advantages,
        "old_per_token_logps": batch.old_logprobs,
        "ref_per_token_logps": batch.ref_logprobs,
        "num_items_in_batch": torch.tensor(batch.num_actions),
    }
    return compute(trainer, None, inputs)


# --- pairs ---------------------------------------------------------------------------------------


def estimators(verl: Any, case: Case, turns: str) -> Pairs:
    """Advantages of whole algorithms."""
    core, mask, batch = verl.core, case.mask.float(), case.batch
    index = batch.group.numpy()

    def given() -> dict[str, Any]:  # verl's functions write into their arguments
        return {"token_level_rewards": batch.rewards.clone(), "response_mask": mask}

    for gamma, lam in ((1.0, 1.0), (0.99, 0.95)):
        ours = PPO(gamma=gamma, lam=lam).estimate(batch)
        theirs, returns = core.compute_gae_advantage_return(
            batch.rewards, batch.values, mask, gamma, lam
        )
        yield f"GAE, whitened, gamma {gamma}, lam {lam}", "verl", ours.advantages, theirs * mask
        yield f"GAE returns, gamma {gamma}, lam {lam}", "verl", ours.returns, returns * mask
    for norm, scaled in (("unbiased_std", True), ("none", False)):
        ours = GRPO(norm=norm).estimate(batch).advantages
        for name in ("compute_grpo_outcome_advantage", "compute_grpo_vectorized_outcome_advantage"):
            theirs = getattr(core, name)(**given(), index=index, norm_adv_by_std_in_grpo=scaled)[0]
            label = "GRPO vectorized" if "vectorized" in name else "GRPO"
            yield f"{label}, norm {norm}", "verl", ours, theirs
    ours = RLOO().estimate(batch).advantages
    yield "RLOO", "verl", ours, core.compute_rloo_outcome_advantage(**given(), index=index)[0]
    ours = ReinforcePP(baseline="group").estimate(batch).advantages
    theirs = core.compute_reinforce_plus_plus_baseline_outcome_advantage(**given(), index=index)[0]
    yield "REINFORCE++, group baseline", "verl", ours, theirs
    for gamma in (1.0, 0.99):
        ours = ReinforcePP(gamma=gamma).estimate(batch).advantages
        theirs, _ = core.compute_reinforce_plus_plus_outcome_advantage(
            **given(), config=SimpleNamespace(gamma=gamma)
        )
        yield f"REINFORCE++, gamma {gamma}, {turns}", "verl", ours, theirs
        order = (~case.mask).to(torch.uint8).argsort(dim=1, stable=True)  # observations to the end
        theirs, _ = core.compute_reinforce_plus_plus_outcome_advantage(
            batch.rewards.gather(1, order),
            mask.gather(1, order),
            config=SimpleNamespace(gamma=gamma),
        )
        what = f"REINFORCE++, gamma {gamma}, observations taken out for verl"
        yield what, "verl", ours.gather(1, order), theirs
    alone = batch.with_(group=torch.arange(batch.size))
    theirs, _ = core.compute_grpo_outcome_advantage(**given(), index=alone.group.numpy())
    yield "GRPO, groups of one", "verl", GRPO().estimate(alone).advantages, theirs


def with_gradient(what: str, peer: str, ours: Tensor, theirs: Tensor, x: Tensor, n: int) -> Pairs:
    """The losses, and n times their gradients on x."""
    yield what, peer, ours.detach(), theirs.detach()
    grads = [torch.autograd.grad(loss, x, retain_graph=True)[0] * n for loss in (ours, theirs)]
    yield f"{what}: gradient", peer, *grads


def policy_losses(verl: Any, case: Case) -> Pairs:
    """verl's policy losses under each of its aggregations that is ours too."""
    batch, n = case.batch, case.batch.num_actions

    def compare(what: str, ours: PolicyGradient, function: Any, weights: Any = None) -> Pairs:
        config = verl.Config(
            clip_ratio=0.2,
            clip_ratio_low=ours.clip_low,
            clip_ratio_high=ours.clip_high,
            clip_ratio_c=ours.dual_clip or 1e9,
            global_batch_info={},
        )
        theirs, _ = function(
            batch.old_logprobs,
            case.logprobs,
            batch.advantages,
            case.mask.float(),
            loss_agg_mode=ours.aggregation,
            config=config,
            rollout_is_weights=weights,
        )
        found, _ = ours.loss(case.logprobs, case.entropy, None, batch)
        yield from with_gradient(what, "verl", found, theirs, case.logprobs, n)

    clip, core = {"clip_low": 0.2, "clip_high": 0.28}, verl.core
    for how in ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum"):
        ours = GRPO(**clip, aggregation=how)
        yield from compare(f"clip, {how}", ours, core.compute_policy_loss_vanilla)
    dual = GRPO(**clip, dual_clip=1.5)
    yield from compare("clip, dual clip 1.5", dual, core.compute_policy_loss_vanilla)
    gspo = GRPO(surrogate="gspo", clip_low=0.03, clip_high=0.04, aggregation="seq-mean-token-mean")
    yield from compare("GSPO", gspo, core.compute_policy_loss_gspo)
    cispo = GRPO(surrogate="cispo", **clip)
    yield from compare("CISPO", cispo, core.compute_policy_loss_cispo)
    weights, _ = verl.correction.compute_rollout_correction_weights(
        (batch.old_logprobs - batch.logprobs) * case.mask, case.mask.float(), "token", 1.5
    )
    ours = engine_weights(batch.old_logprobs, batch.logprobs, case.mask, 1.5) * case.mask
    yield "engine weights, at most 1.5", "verl", ours, weights
    trusted = GRPO(**clip, max_engine_weight=1.5)
    yield from compare(
        "clip with engine weights", trusted, core.compute_policy_loss_vanilla, weights
    )


def other_losses(verl: Any, case: Case) -> Pairs:
    """The critic's loss, KL and its controller."""
    batch, mask = case.batch, case.mask
    errors, _ = value_loss(case.values, batch.values, batch.returns, 0.2)
    ours = (errors * mask).sum() / batch.num_actions
    theirs, _ = verl.core.compute_value_loss(
        case.values, batch.returns, batch.values, mask.float(), 0.2
    )
    yield from with_gradient("value loss", "verl", ours, theirs, case.values, batch.num_actions)
    for estimator in ("k1", "k2", "k3"):
        ours = estimate_kl(case.logprobs, batch.ref_logprobs, estimator).detach()
        theirs = verl.core.kl_penalty_forward(case.logprobs, batch.ref_logprobs, estimator)
        yield f"KL {estimator}", "verl", ours, theirs.detach()
        if estimator == "k3":
            yield "KL k3, ours cut at 10, too", "verl", ours.clamp(max=10.0), theirs.detach()
    weights = token_weights(mask, "seq-mean-token-sum", batch.num_actions, batch.num_rows, 64.0)
    theirs = verl.core.agg_loss(
        batch.advantages, mask.float(), "seq-mean-token-sum-norm", loss_scale_factor=64
    )
    ours = (weights * batch.advantages).sum()
    yield "seq-mean-token-sum, length_norm", "verl", ours, theirs
    yield "the same times num_rows", "verl", ours * batch.num_rows, theirs
    adaptive, coef = Adaptive(start=0.1, target=0.05), 0.1
    controller = verl.core.AdaptiveKLController(0.1, 0.05, 1000)
    for step, kl in enumerate(case.values.abs()[mask][:100].tolist()):
        coef = adaptive.after(step, coef, kl / 10)
        controller.update(kl / 10, 100)
    yield "adaptive KL, 100 steps", "verl", torch.tensor(coef), torch.tensor(controller.value)


def trl_losses(compute: Callable[..., Tensor], case: Case) -> Pairs:
    """TRL's loss types, where they are ours under another name."""
    per_row = case.batch.advantages[:, -24:].sum(1, keepdim=True) * case.mask
    rows = Case(case.batch.with_(advantages=per_row), case.logprobs, case.entropy, case.values)
    clip: dict[str, Any] = {"clip_low": 0.2, "clip_high": 0.28}
    seq: dict[str, Any] = {"aggregation": "seq-mean-token-mean"}
    constant: dict[str, Any] = {"aggregation": "seq-mean-token-sum", "length_norm": 64.0}
    pairs: list[tuple[str, PolicyGradient, dict[str, Any]]] = [
        ("grpo", GRPO(**clip, **seq), {}),
        ("grpo, beta 0.1", GRPO(**clip, **seq, kl_coef=0.1), {"beta": 0.1}),
        ("bnpo", GRPO(**clip), {"loss_type": "bnpo"}),
        ("dapo", GRPO(**clip), {"loss_type": "dapo"}),
        ("dapo, delta 1.5", GRPO(**clip, dual_clip=1.5), {"loss_type": "dapo", "delta": 1.5}),
        (
            "dapo, entropy_coef 0.01",
            GRPO(**clip, entropy_coef=0.01),
            {"loss_type": "dapo", "entropy_coef": 0.01},
        ),
        ("dr_grpo", GRPO(**clip, **constant), {"loss_type": "dr_grpo"}),
        (
            "cispo, epsilon_high 1.28",
            GRPO(surrogate="cispo", clip_low=1.0, clip_high=0.28),
            {"loss_type": "cispo", "epsilon_high": 1.28},
        ),
        (
            "grpo, sequence level (GSPO)",
            GRPO(surrogate="gspo", clip_low=0.03, clip_high=0.04, **seq),
            {"importance_sampling_level": "sequence", "epsilon_low": 0.03, "epsilon_high": 0.04},
        ),
    ]
    for what, algorithm, options in pairs:
        used = theirs_case = case
        if "sequence" in what:  # one advantage per row, in TRL's shape
            one = per_row.sum(1) / case.mask.sum(1)
            used, theirs_case = rows, replace(rows, batch=rows.batch.with_(advantages=one))
        ours, _ = algorithm.loss(used.logprobs, used.entropy, None, used.batch)
        theirs = trl_loss(compute, theirs_case, **options)
        yield from with_gradient(what, "TRL", ours, theirs, used.logprobs, case.batch.num_actions)


# --- table ---------------------------------------------------------------------------------------


def commit_of(root: Path) -> str:
    """The checkout's commit, or its name where it is no repository of its own."""
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else "commit unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verl", type=Path, required=True, help="a checkout of verl")
    parser.add_argument("--trl", type=Path, required=True, help="a checkout of TRL")
    parser.add_argument("--batches", type=int, default=50, help="of each kind")
    args = parser.parse_args()
    verl, compute = load_verl(args.verl), load_trl(args.trl)
    worst: dict[tuple[str, str], float] = {}
    size: dict[tuple[str, str], float] = {}
    for seed in range(args.batches):
        for turns, kind in ((1, "one turn"), (3, "three turns")):
            case = random_case(seed, turns=turns)
            pairs = [*estimators(verl, case, kind), *policy_losses(verl, case)]
            pairs += [*other_losses(verl, case), *trl_losses(compute, case)]
            for what, peer, ours, theirs in pairs:
                key, difference = (what, peer), (ours - theirs).abs().max().item()
                worst[key] = max(worst.get(key, 0.0), difference)
                size[key] = max(size.get(key, 0.0), theirs.abs().max().item())
    print(f"verl {commit_of(args.verl)}, TRL {commit_of(args.trl)}, torch {torch.__version__},")
    print(f"{2 * args.batches} batches, float32\n")
    print("| ours | peer | largest value | largest difference |\n|---|---|---|---|")
    for what, peer in sorted(worst, key=lambda key: key[1] == "TRL"):
        print(f"| {what} | {peer} | {size[what, peer]:.2g} | {worst[what, peer]:.1e} |")


if __name__ == "__main__":
    main()
