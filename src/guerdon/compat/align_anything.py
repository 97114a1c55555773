"""The multi-turn PPO configuration of align-anything's RAGEN fork, as ours.

Its YAML is RAGEN's plus ``train_cfgs``, ``model_cfgs``, ``data_cfgs`` and ``logger_cfgs``. Three
modes, by two switches that either section may hold:

    multi_turn: true                            policy (reference for a KL): the environment pays
    multi_turn: true, use_reward_critic: true   and a critic
    multi_turn: false                           policy, reference, reward model, critic; one turn
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guerdon.compat import ragen
from guerdon.compat.foreign import Foreign, Imported

_ALIASES = {
    "actor_rollout_ref.actor.optim.lr": "train_cfgs.actor_lr",
    "critic.optim.lr": "train_cfgs.critic_lr",
    "algorithm.gamma": "train_cfgs.gamma",
    "algorithm.lam": "train_cfgs.gae_lambda",
    "algorithm.bi_level_gae": "train_cfgs.bi_level_gae",
    "algorithm.high_level_gamma": "train_cfgs.high_level_gamma",
    "algorithm.kl_ctrl.kl_coef": "train_cfgs.kl_coeff",
    "agent_proxy.max_turn": "train_cfgs.max_turn",
    "trainer.total_training_steps": "train_cfgs.total_training_steps",
    "seed.train": "train_cfgs.seed",
    "model_path": "model_cfgs.actor_model_name_or_path",
    "actor_rollout_ref.rollout.temperature": "model_cfgs.temperature",
    "actor_rollout_ref.rollout.top_p": "model_cfgs.top_p",
    "actor_rollout_ref.rollout.max_model_len": "model_cfgs.model_max_length",
    "lora.alpha": "lora_cfgs.lora_alpha",
    "lora.target_modules": "lora_cfgs.target_modules",
    "trainer.experiment_name": "logger_cfgs.log_run_name",
    "trainer.project_name": "logger_cfgs.log_project",
    "trainer.save_freq": "logger_cfgs.save_interval",
}
"""RAGEN's key -> where align-anything writes the same. Where both are given they must agree."""

_PTX_COLUMNS: dict[str, tuple[list[str], str]] = {
    "Alpaca": (["instruction", "input"], "output"),
    "AA_T2T": (["prompt"], "response"),
    "GSM8K": (["question"], "answer"),
}
"""align-anything's template -> the columns it makes a question and its answer of."""

_IGNORED = {
    "train_cfgs.per_device*": "trainer.tasks_per_step and learner.micro_tokens say how many",
    "train_cfgs.gradient_accumulation_steps": "micro-batches are packed by tokens",
    "train_cfgs.*checkpointing*": "activations of the policy are always recomputed here",
    "train_cfgs.clip_range_score": "trainer.reward_norm.clip bounds rewards",
    "train_cfgs.epochs": "trainer.steps says how long",
    "train_cfgs.ptx_coeff": "mixes in data_cfgs.ptx_datasets, which are not given",
    "train_cfgs.*": "not used by this mode",
    "model_cfgs.*": "not used by this mode",
    "data_cfgs.ptx_*": "ptx.source reads one file",
    "data_cfgs.*": "tasks come from the environments",
    "logger_cfgs.*": "the run directory holds everything",
    "lora_cfgs.*": "no adapters",
    "bnb_cfgs.*": "weights are not quantised",
    "vllm_cfgs*": "the native engine samples; models.policy.engine names another",
    "ds_cfgs*": "how DeepSpeed spreads its work; here a backend decides",
    "special_tokens*": "the tokenizer's own",
}


def convert(paths: Sequence[Path], overrides: Sequence[str] = ()) -> Imported:
    """Read align-anything's YAML files, later over earlier, and overrides.

    Raises:
        ConfigError: files that cannot be read, switches and aliases that contradict each other, and
            a configuration in which nothing would give a reward.
    """
    theirs = Foreign.read(paths, overrides)
    _agree(theirs)
    if _switch(theirs, "multi_turn", default=False):
        values = _multi_turn(theirs)
    else:
        values = _traditional(theirs)
    for pattern, why in _IGNORED.items():
        theirs.ignore(pattern, why)
    return ragen.finish(theirs, values)


def _agree(theirs: Foreign) -> None:
    """Give RAGEN's keys the values of their aliases."""
    merged = dict(theirs.values)
    for key, alias in _ALIASES.items():
        value, other = theirs.peek(key), theirs.peek(alias)
        if other is None:
            continue
        if value is not None and value != other:
            theirs.problems.append(f"{key}={value!r} and {alias}={other!r} differ; keep one")
        theirs.take(alias, key)
        merged = _put(merged, key.split("."), other)
    if theirs.peek("train_cfgs.clip_range_ratio") is not None:
        clip = theirs.take("train_cfgs.clip_range_ratio", "algorithm.clip_low, clip_high")
        low, high = clip if isinstance(clip, list) else (clip, clip)
        for side, value in (("low", low), ("high", high)):
            merged = _put(merged, ["actor_rollout_ref", "actor", f"clip_ratio_{side}"], value)
    rank = theirs.take("lora_cfgs.r", "lora.rank")
    if theirs.take("lora_cfgs.use_lora", "lora.rank", False) and rank:
        merged = _put(merged, ["lora", "rank"], rank)
    theirs.values = merged


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    head, *rest = path
    inner = dict(values.get(head) or {}) if rest else {}
    return {**values, head: _put(inner, rest, value) if rest else value}


def _switch(theirs: Foreign, name: str, *, default: bool) -> bool:
    """A switch of ``train_cfgs`` or ``model_cfgs``, which must not contradict each other."""
    return bool(theirs.first([f"train_cfgs.{name}", f"model_cfgs.{name}"], "the mode", default))


def _multi_turn(theirs: Foreign) -> dict[str, Any]:
    env, tasks = ragen.environments(theirs)
    values = _common(theirs) | {"env": env, "tasks": tasks}
    critic = _switch(theirs, "use_reward_critic", default=False)
    if _switch(theirs, "use_reward_model", default=False):
        theirs.notes.append(
            "use_reward_model: the environments give rewards, which come first, so no reward model "
            "is loaded"
        )
    if not critic and values["algorithm"].get("_target_", "").endswith("PPO"):
        _without_critic(theirs, values["algorithm"])
    if critic:
        path = theirs.take("model_cfgs.reward_critic_model_name_or_path", "learner.critic.path")
        values["learner"]["critic"]["path"] = path
        clip = theirs.take("train_cfgs.clip_range_value", "algorithm.value_clip", 0.2)
        values["algorithm"]["value_clip"] = clip
    return values


def _without_critic(theirs: Foreign, algorithm: dict[str, Any]) -> None:
    """No values: the return to go, less the group's mean. Values of 0 would be no baseline."""
    if algorithm.get("time") == "bilevel":
        theirs.problems.append("bi_level_gae needs values: set use_reward_critic: true")
    if algorithm["lam"] != 1.0:
        theirs.notes.append(f"gae_lambda {algorithm['lam']} has nothing to weigh without a critic")
    algorithm |= {"critic": False, "baseline": "group", "lam": 1.0, "norm": "batch_std"}


def _traditional(theirs: Foreign) -> dict[str, Any]:
    """One turn: a reward model scores replies to prompts."""
    at = "model_cfgs.reward_model_name_or_path"
    path, zero = theirs.take(at, "models.reward_model.path"), theirs.take("reward", "env.reward")
    critic = theirs.take("model_cfgs.reward_critic_model_name_or_path", "learner.critic.path")
    if path is None and zero != "zero":
        theirs.problems.append(
            f"nothing gives a reward: multi_turn is false and {at} is not given; name a reward "
            f"model, or write reward: zero if you mean it"
        )
    data = theirs.take("data_cfgs.train_datasets", "tasks.path", "???")
    values = _common(theirs)
    values["learner"]["critic"]["path"] = critic
    engine = {"_target_": "guerdon.engines.classifier.ClassifierEngine"}
    if path is not None:
        values["models"]["reward_model"] = {"path": path, "engine": engine}
    target = "guerdon.rewards.reward_model.RewardModel"
    reward = {"_target_": target} if path else {"_target_": "guerdon.rewards.zero.Zero"}
    return values | {
        "env": {"_target_": "guerdon.envs.single_turn.SingleTurn", "reward": reward},
        "tasks": {"_target_": "guerdon.data.files.TaskFile", "path": data},
    }


def _common(theirs: Foreign) -> dict[str, Any]:
    """What both kinds of run share."""
    values: dict[str, Any] = {
        "run": {
            "name": theirs.take("trainer.experiment_name", "run.name", "multi_turn"),
            "seed": theirs.take("seed.train", "run.seed", 42),
        },
        "trainer": ragen.trainer(theirs),
        "models": {"policy": ragen.policy(theirs)},
        "algorithm": ragen.algorithm(theirs),
        "learner": ragen.learner(theirs),
        "eval": ragen.evaluation(theirs),
        "trackers": ragen.trackers(theirs),
    }
    return values | _ptx(theirs, values["trainer"], values["learner"])


def _ptx(theirs: Foreign, trainer: dict[str, Any], learner: dict[str, Any]) -> dict[str, Any]:
    """As many conversations as rows: theirs come in batches of one size."""
    if theirs.peek("data_cfgs.ptx_datasets") is None:
        return {}
    coef = theirs.take("train_cfgs.ptx_coeff", "ptx.coef", 16.0)
    if not coef:
        theirs.ignore("data_cfgs.ptx_*", "train_cfgs.ptx_coeff is 0, so nothing is mixed in")
        return {}
    path = theirs.take("data_cfgs.ptx_datasets", "ptx.source.path")
    file = theirs.take("data_cfgs.ptx_data_files", "ptx.source.path")
    source = {
        "_target_": "guerdon.data.conversations.ConversationFile",
        "path": str(Path(path, file) if file else path),
        "limit": theirs.take("data_cfgs.ptx_size", "ptx.source.limit"),
    }
    template = theirs.take("data_cfgs.ptx_template", "ptx.source.prompt, response")
    if template in _PTX_COLUMNS:
        source["prompt"], source["response"] = _PTX_COLUMNS[template]
    elif template is not None:
        theirs.problems.append(
            f"data_cfgs.ptx_template={template!r}: of templates, only {', '.join(_PTX_COLUMNS)} "
            f"are read; write the rows as messages and set it to null"
        )
    rows = trainer["tasks_per_step"] * trainer["group_size"]
    size = max(1, rows // learner["minibatches"])
    return {"ptx": {"source": source, "coef": float(coef), "batch_size": size}}
