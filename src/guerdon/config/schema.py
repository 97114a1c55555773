"""The settings of a run: one dataclass per YAML section, the only place their fields are written.

Sections named `algorithm`, `env`, `tasks`, `growth`, `models.<name>.engine`, `models.<name>.init`,
`warmup.source`, `ptx.source` and each of `trackers` are not here: they name a class with
`_target_`, and that class's own fields are their schema. Standard library only: `guerdon --help`
and `guerdon list` read it without torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from guerdon.config.azr import Azr, JudgeCall
from guerdon.types import Sampling

Component = dict[str, Any]
"""A mapping with `_target_: dotted.path` and keyword fields, built by `config.build`."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A number that moves from ``start`` to ``end`` over ``steps`` steps, then stays."""

    start: float
    end: float
    steps: int
    shape: Literal["linear", "cosine"] = "linear"


@dataclass(frozen=True, kw_only=True)
class Run:
    """Which run this is and where its record goes: ``<dir>/<name>/``."""

    name: str
    seed: int = 0
    dir: str = "runs"
    overwrite: bool = False
    """Replace a run of the same name; without it, a run that exists is an error."""


@dataclass(frozen=True, kw_only=True)
class GroupFilter:
    """Learn from some of a step's groups only, chosen by their members' returns.

    RAGEN-2's advice is ``keep: top_p, value: 0.9``; StarPO-S is ``keep: frac, value: 0.25``.

    Source: Wang et al. 2025 (arXiv:2504.20073), section 4.2.
    """

    keep: Literal["top_p", "top_k", "frac", "min_p"]
    """Best groups first: top_p until they hold ``value`` of the sum; top_k so many; frac that share
    of all groups; min_p those with at least ``value`` of the best."""
    value: float
    by: Literal["std", "mean"] = "std"
    """Of the members' returns."""
    include_zero: bool = False
    """Groups of 0 may be kept: they hold nothing to learn but a KL or entropy term."""

    def __post_init__(self) -> None:
        top = float("inf") if self.keep == "top_k" else 1.0
        if not 0.0 < self.value <= top:
            raise ValueError(f"value of keep: {self.keep} must be above 0 and at most {top:g}")


@dataclass(frozen=True, kw_only=True)
class RewardNorm:
    """Returns in units of their peers, before advantages: (R - mean) / std."""

    over: Literal["group", "domain", "step"] = "group"
    """Who the peers are."""
    divide: bool = True
    """False: only subtract the mean."""
    clip: tuple[float, float] | None = None
    """Bounds of the result."""


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """How long to train and how often to save and evaluate. A cadence of 0 means never."""

    steps: int
    tasks_per_step: int
    group_size: int = 1
    """Episodes per task and step; they share one baseline."""
    eval_every: int = 0
    """Steps between evaluations; there is one before step 1 and one after the last, too."""
    save_every: int = 0
    """Steps between checkpoints; one is always written at the end and on Ctrl-C."""
    log_every: int = 1
    """Steps between rows sent to the trackers; metrics.jsonl has every step."""
    keep_last: int = 2
    keep_best: bool = True
    """Also keep the checkpoint with the best evaluation reward."""
    max_error_rate: float = 0.5
    """A step whose share of failed episodes is above this stops the run."""
    max_refills: int = 0
    """Rounds of further tasks in a step, for groups whose members all earned the same; 0: such
    groups are only counted (`rollout/silent_groups`)."""
    max_concurrent: int = 1024
    """Episodes in flight at once."""
    temperature: Schedule | None = None
    """Sampling temperature of the policy over the steps; None: `models.policy.sampling` alone."""
    reward_norm: RewardNorm | None = None
    """For algorithms without a group baseline; None: returns as they were earned."""
    group_filter: GroupFilter | None = None
    """None: every group is learned from."""
    stop_on_collapse: bool = False
    """End the run at the first sign of a collapse, not only warn; see `train.watch`."""
    information_every: int = 0
    """Steps between estimates of how much replies depend on their prompts."""
    debug: bool = False
    """Wait for a debugger (debugpy, loopback) at ``debug_port``."""
    debug_port: int = 5678


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters, not full fine-tuning; the reference is the adapter switched off."""

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: str | list[str] = "all-linear"


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model by role (`models.policy`, `models.judge` ...)."""

    path: str | None = None
    """A Hugging Face directory or hub name."""
    init: Component | None = None
    """Instead of a path: builds a model into the run directory (`guerdon.tiny.TinyPolicy`)."""
    engine: Component = field(
        default_factory=lambda: {"_target_": "guerdon.engines.native.NativeEngine"}
    )
    sampling: Sampling = Sampling()
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: float32 on the CPU, bfloat16 on a GPU."""
    device: str = "auto"
    """auto: the GPU where there is one."""
    lora: Lora | None = None
    template_options: dict[str, Any] = field(default_factory=dict)
    """What else the chat template is given, such as `enable_thinking: false`."""
    allow_rewrite: bool = False
    """Go on when the chat template rewrites earlier turns (strips reasoning): ours keeps them."""


def loads_itself(spec: ModelSpec) -> dict[str, Any]:
    """What an engine is given that loads its model itself, elsewhere."""
    return {
        "path": spec.path or "",
        "dtype": spec.dtype,
        "template_options": spec.template_options,
    }


@dataclass(frozen=True, kw_only=True)
class Llm:
    """What calls of remote models share; prices and limits are their engines'."""

    cache: Literal["off", "read_write", "replay"] = "read_write"
    """replay: nothing is sent; an answer that was never recorded is an error."""
    cache_path: str | None = None
    """None: llm.sqlite in the run directory. The ledger is always there."""
    budget_usd: float | None = None
    """No call is made that could bring the run's spending above it; None: no cap."""


@dataclass(frozen=True, kw_only=True)
class Critic:
    """A value function, loaded only when the algorithm needs one."""

    path: str | None = None
    """Its own backbone; None: a value head on the policy's last hidden state."""
    lr: float | None = None
    """None: the learner's."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """How weights are updated."""

    lr: float = 1e-6
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """Of the learning rate after the warm-up, down to ``min_lr_frac`` at the last step."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises linearly from 0."""
    min_lr_frac: float = 0.0
    epochs: int = 1
    """Passes over a step's rows."""
    minibatches: int = 1
    """Optimizer steps per pass."""
    micro_tokens: int = 16_384
    """Tokens per forward and backward pass; gradients accumulate over micro-batches."""
    max_grad_norm: float = 1.0
    gradient_checkpointing: bool = False
    share_prompts: bool = True
    """Compute a prompt that rows of a group share only once."""
    old_logprobs: Literal["learner", "engine"] = "learner"
    """With more than one update a step: who says what pi_old was."""
    max_bad_updates: int = 3
    """Updates in a row with a non-finite loss or gradient before the run stops."""
    critic: Critic = Critic()


@dataclass(frozen=True, kw_only=True)
class Eval:
    """Evaluation on held-out tasks."""

    num_tasks: int = 200
    """The first so many held-out tasks."""
    samples_per_task: int = 1
    """Episodes per task, for pass@k."""
    sampling: Sampling | None = None
    """None: the policy's own, at temperature 0."""


@dataclass(frozen=True, kw_only=True)
class Warmup:
    """Supervised learning on conversations before RL: the form of an answer, before its worth."""

    source: Component
    """The conversations: `guerdon.data.conversations.ConversationFile` or an environment's."""
    steps: int = 50
    batch_size: int = 64
    """Conversations per update."""
    lr: float = 1e-3


@dataclass(frozen=True, kw_only=True)
class Ptx:
    """Supervised learning mixed into every update: the policy's loss + ``coef`` times the mean loss
    of the tokens the assistant says in conversations.

    Source: Ouyang et al. 2022 (arXiv:2203.02155), section 3.5.
    """

    source: Component
    """The conversations, as in `Warmup`."""
    coef: float
    batch_size: int = 64
    """Conversations per optimizer step; all come once before any comes again."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whether the reward is worth learning from: tried before step 1, watched while it runs.

    Gold answers and canaries (texts of no worth) are tried where an environment grades replies and
    tasks have reference answers; nowhere else. See docs/trust.md.
    """

    gate: bool = True
    """Refuse to start when gold answers fail their own reward, or canaries are paid."""
    num_tasks: int = 8
    """Tasks whose gold answers are tried; each canary is tried on one of them."""
    gold: str | None = None
    """How a right answer is written, with {answer} in it; None: as the reward says."""
    min_gold_frac: float = 1.0
    """Gold answers that must be paid."""
    max_canary_frac: float = 0.0
    """Canaries that may be: a judge makes mistakes."""
    probe_every: int = 50
    """Steps between probes with gold answers and canaries of other tasks; 0: never. Failures are
    reported and do not stop the run."""
    audit: Component | None = None
    """A second reward, to be compared with the one that is learned from; None: no audit."""
    audit_frac: float = 0.02
    """Episodes that are audited."""
    audit_window: int = 64
    """Audited responses in the first and the latest window that are compared."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run. The four seams, the tasks and the trackers are components."""

    run: Run
    trainer: Trainer
    models: dict[str, ModelSpec]
    algorithm: Component
    env: Component
    tasks: Component
    learner: Learner = Learner()
    eval: Eval = Eval()
    growth: Component | None = None
    """`guerdon.tasks.growth.Growth`: which tasks that the policy invents join the pool; None: its
    defaults."""
    warmup: Warmup | None = None
    ptx: Ptx | None = None
    llm: Llm = Llm()
    trust: Trust = Trust()
    azr: Azr | None = None
    """Other names for fields of self-play's components; see `config.azr`."""
    reward_fn: JudgeCall | None = None
    """Other names for fields of its judge."""
    trackers: list[Component] = field(default_factory=list)
