"""RAGEN's ``base.yaml`` and ``envs.yaml`` (both revisions), with overrides, as ours.

Two things are not carried over, because they were faults there: replies are never rewritten, and
members of a group always meet the same state.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guerdon.compat.foreign import Foreign, Imported
from guerdon.compat.ragen_games import read_tag
from guerdon.compat.ragen_ignored import IGNORED

ACTOR = "actor_rollout_ref.actor"
ROLLOUT = "actor_rollout_ref.rollout"
MODEL = "actor_rollout_ref.model"

_KL = {"kl": "k1", "k1": "k1", "mse": "k2", "k2": "k2", "low_var_kl": "k3", "k3": "k3"}


def convert(paths: Sequence[Path], overrides: Sequence[str] = ()) -> Imported:
    """Read RAGEN's YAML files, later over earlier, and overrides as its command line takes them.

    Raises:
        ConfigError: files that cannot be read, values that contradict each other, and what has no
            counterpart here and would change what is learned.
    """
    theirs = Foreign.read(paths, overrides)
    env, tasks = environments(theirs)
    values = {
        "run": {
            "name": theirs.take("trainer.experiment_name", "run.name", "ragen"),
            "seed": theirs.take("seed.train", "run.seed", 0),
        },
        "trainer": trainer(theirs),
        "models": {"policy": policy(theirs)},
        "tasks": tasks,
        "env": env,
        "algorithm": algorithm(theirs),
        "learner": learner(theirs),
        "eval": evaluation(theirs),
        "trackers": trackers(theirs),
    }
    return finish(theirs, values)


def finish(theirs: Foreign, values: dict[str, Any]) -> Imported:
    """Set aside what says nothing here."""
    for pattern, why in IGNORED.items():
        theirs.ignore(pattern, why)
    return theirs.finish(values)


def environments(theirs: Foreign) -> tuple[dict[str, Any], dict[str, Any]]:
    """``env`` and ``tasks``: every training tag a domain, with its share of the groups."""
    at = "es_manager.train.env_configs"
    tags = list(theirs.take(f"{at}.tags", "tasks.sources", []))
    groups = theirs.take("es_manager.train.env_groups", "trainer.tasks_per_step", 8)
    counts = theirs.take(f"{at}.n_groups", "tasks.weights")
    if not tags:
        theirs.problems.append(f"{at}.tags: name at least one environment")
    if counts is not None and len(counts) != len(tags):
        theirs.problems.append(f"{at}: {len(tags)} tags and {len(counts)} n_groups")
        counts = None
    if counts is not None and sum(counts) != groups:
        theirs.problems.append(f"{at}.n_groups: sum to {sum(counts)}, and env_groups is {groups}")
    _validation_tags(theirs, tags)
    read = {tag: found for tag in tags if (found := read_tag(theirs, tag)) is not None}
    envs = {tag: _step_env(theirs, tag, found.game) for tag, found in read.items()}
    for tag in theirs.peek("custom_envs") or {}:
        if tag not in tags:
            theirs.ignore(f"custom_envs.{tag}.*", "no tag of es_manager.train names it")
    weights = dict(zip(tags, map(float, counts), strict=True)) if counts is not None else None
    tasks = {
        "_target_": "guerdon.data.mixture.Mixture",
        "sources": {tag: found.tasks for tag, found in read.items()},
        "weights": weights or dict.fromkeys(tags, 1.0),
    }
    return {"_target_": "guerdon.envs.router.Router", "envs": envs}, tasks


def _validation_tags(theirs: Foreign, tags: Sequence[str]) -> None:
    at = "es_manager.val.env_configs"
    others = [tag for tag in theirs.take(f"{at}.tags", "held-out tasks", []) if tag not in tags]
    theirs.take(f"{at}.n_groups", "held-out tasks take turns")
    if others:
        theirs.notes.append(
            f"{at}.tags: {', '.join(others)} are not trained on; evaluate on them with `guerdon "
            f"evaluate --run RUN --env NAME`. During the run, held-out tasks of the training tags "
            f"are evaluated"
        )


def _step_env(theirs: Foreign, tag: str, game: dict[str, Any]) -> dict[str, Any]:
    per_turn = theirs.take("agent_proxy.max_actions_per_turn", "env.envs.*.max_actions_per_turn", 5)
    separator = theirs.take("agent_proxy.action_sep", "env.envs.*.separator", "||")
    think = theirs.take("agent_proxy.enable_think", "env.envs.*.action", True)
    to = "env.envs.*.invalid_penalty and format_penalty"
    penalty = abs(theirs.take("es_manager.format_penalty", to, -0.1))
    told = theirs.take(f"custom_envs.{tag}.env_instruction", f"env.envs.{tag}.brief.instruction")
    key = f"custom_envs.{tag}.max_actions_per_traj"
    return {
        "_target_": "guerdon.envs.steps.StepEnv",
        "game": game,
        "max_turns": theirs.take("agent_proxy.max_turn", "env.envs.*.max_turns", 5),
        "action": "think" if think else "answer",
        "separator": separator if per_turn > 1 else None,
        "max_actions_per_turn": per_turn,
        "max_actions": theirs.take(key, f"env.envs.{tag}.max_actions"),
        "invalid_penalty": penalty,  # there, one penalty is for both
        "format_penalty": penalty,
        "show_reward": True,
        "brief": {
            "_target_": "guerdon.envs.brief.Brief",
            "instruction": told,
            "each_turn": True,
        },
        "history": _history(theirs),
    }


def _history(theirs: Foreign) -> dict[str, Any]:
    mode = theirs.take("agent_proxy.context_window_mode", "env.envs.*.history", "full")
    turns = theirs.take("agent_proxy.max_context_window", "env.envs.*.history.turns", -1)
    kinds = {"full": "Full", "limited_multi_turn": "Window", "single_turn": "Summary"}
    if mode not in kinds:
        theirs.problems.append(
            f"agent_proxy.context_window_mode: {mode!r}; there are {', '.join(kinds)}"
        )
    kind = kinds.get(mode, "Full")
    if turns > 0 and kind == "Full":
        kind = "Window"
    target = f"guerdon.envs.history.{kind}"
    return {"_target_": target} | ({} if kind == "Full" else {"turns": max(1, turns)})


def trainer(theirs: Foreign) -> dict[str, Any]:
    """How long, how many, how often."""
    found = {
        "steps": theirs.take("trainer.total_training_steps", "trainer.steps", 200),
        "tasks_per_step": theirs.take("es_manager.train.env_groups", "trainer.tasks_per_step", 8),
        "group_size": theirs.take("es_manager.train.group_size", "trainer.group_size", 16),
        "eval_every": max(0, theirs.take("trainer.test_freq", "trainer.eval_every", 10)),
        "save_every": max(0, theirs.take("trainer.save_freq", "trainer.save_every", 100)),
    }
    found |= _reward_norm(theirs) | _group_filter(theirs)
    every = theirs.take("collapse_detection.compute_freq", "trainer.information_every", 0)
    return found | ({"information_every": every} if every else {})


def _reward_norm(theirs: Foreign) -> dict[str, Any]:
    at = "agent_proxy.reward_normalization"
    method = theirs.take(f"{at}.method", "trainer.reward_norm", "identity")
    grouping = theirs.take(f"{at}.grouping", "trainer.reward_norm.over", "state")
    over = {"state": "group", "inductive": "domain", "batch": "step"}
    methods: dict[str, dict[str, Any]] = {
        "identity": {},
        "mean": {"divide": False},
        "mean_std": {"divide": True},
        "asym_clip": {"divide": True, "clip": [-1.0, 3.0]},
    }
    if method not in methods or grouping not in over:
        theirs.problems.append(f"{at}: method {method!r} or grouping {grouping!r} is not known")
        return {}
    return {"reward_norm": methods[method] | {"over": over[grouping]}} if methods[method] else {}


def _group_filter(theirs: Foreign) -> dict[str, Any]:
    """The first revision has a ratio, the second a strategy."""
    at, to = f"{ROLLOUT}.rollout_filter", "trainer.group_filter"
    metrics = {"reward_variance": "std", "std": "std", "reward": "mean", "reward_sum": "mean"}
    if theirs.has(f"{at}_strategy"):
        strategy = theirs.take(f"{at}_strategy", f"{to}.keep")
        kinds = {"top_p": "top_p", "top_k": "frac", "top_k_abs": "top_k", "min_p": "min_p"}
        metric = theirs.take(f"{at}_metric", f"{to}.by", "reward_variance")
        largest = theirs.take(f"{at}_type", "the largest first", "largest") == "largest"
        linear = theirs.take(f"{at}_top_p_prob_mode", "linear", "linear") == "linear"
        if strategy not in kinds or metric not in metrics or not largest or not linear:
            theirs.problems.append(
                f"{at}_*: offered are strategies {', '.join(kinds)} of the largest, linear, by "
                f"{', '.join(metrics)}"
            )
            return {}
        value = float(theirs.take(f"{at}_value", f"{to}.value", 1.0))
        zero = theirs.take(f"{at}_include_zero", f"{to}.include_zero", True)
        keep, by = kinds[strategy], metrics[metric]
    else:
        value = float(theirs.take(f"{at}_ratio", f"{to}.value", 1.0))
        by = metrics.get(theirs.take(f"{at}_type", f"{to}.by", "std"), "std")
        keep, zero = "frac", True
    if value >= 1.0 and zero and keep != "top_k":
        return {}
    return {"group_filter": {"keep": keep, "value": value, "by": by, "include_zero": zero}}


def policy(theirs: Foreign) -> dict[str, Any]:
    """The model and how it samples."""
    at = "models.policy"
    rank = theirs.first(["lora.rank", f"{MODEL}.lora_rank"], f"{at}.lora.rank", 0)
    alpha = theirs.first(["lora.alpha", f"{MODEL}.lora_alpha"], f"{at}.lora.alpha", 16)
    targets = theirs.first(
        ["lora.target_modules", f"{MODEL}.target_modules"], f"{at}.lora.targets", "all-linear"
    )
    lora = {"rank": rank, "alpha": float(alpha), "targets": targets}
    return {
        "path": theirs.first(["model_path", f"{MODEL}.path"], f"{at}.path", "???"),
        "lora": lora if rank else None,
        "sampling": {
            "temperature": float(
                theirs.take(f"{ROLLOUT}.temperature", f"{at}.sampling.temperature", 1.0)
            ),
            "top_p": float(theirs.take(f"{ROLLOUT}.top_p", f"{at}.sampling.top_p", 1.0)),
            "top_k": max(0, theirs.take(f"{ROLLOUT}.top_k", f"{at}.sampling.top_k", -1)),
            "max_tokens": theirs.take(
                f"{ROLLOUT}.response_length", f"{at}.sampling.max_tokens", 400
            ),
        },
    }


def evaluation(theirs: Foreign) -> dict[str, Any]:
    """Held-out groups, and how the policy samples there."""
    at = f"{ROLLOUT}.val_kwargs"
    sampling = {
        "temperature": float(theirs.take(f"{at}.temperature", "eval.sampling.temperature", 0.5)),
        "max_tokens": theirs.peek(f"{ROLLOUT}.response_length") or 400,
    }
    sampled = theirs.take(f"{at}.do_sample", "eval.sampling", True)
    found = {
        "num_tasks": theirs.take("es_manager.val.env_groups", "eval.num_tasks", 256),
        "samples_per_task": theirs.take("es_manager.val.group_size", "eval.samples_per_task", 1),
    }
    return found | ({"sampling": sampling} if sampled else {})


def algorithm(theirs: Foreign) -> dict[str, Any]:
    """What is learned from."""
    name = theirs.take("algorithm.adv_estimator", "algorithm._target_", "gae")
    whole = not theirs.take("agent_proxy.use_turn_scores", "algorithm.rewards_at", False)
    found: dict[str, Any] = {"rewards_at": "end" if whole else "turn"}
    if name == "gae":
        found |= ppo(theirs)
    elif name == "grpo":
        key = "algorithm.norm_adv_by_std_in_grpo"
        by_std = theirs.take(key, "algorithm.norm", True)
        found |= {
            "_target_": "guerdon.algorithms.grpo.GRPO",
            "norm": "unbiased_std" if by_std else "none",
        }
    else:
        theirs.problems.append(f"algorithm.adv_estimator: {name!r}; there are gae, grpo")
    return found | _loss(theirs)


def ppo(theirs: Foreign) -> dict[str, Any]:
    """PPO with a critic; two levels where ``bi_level_gae`` says so."""
    two = theirs.take("algorithm.bi_level_gae", "algorithm.time", False)
    found = {
        "_target_": "guerdon.algorithms.ppo.PPO",
        "gamma": float(theirs.take("algorithm.gamma", "algorithm.gamma", 1.0)),
        "lam": float(theirs.take("algorithm.lam", "algorithm.lam", 1.0)),
    }
    gamma = float(theirs.take("algorithm.high_level_gamma", "algorithm.turn_gamma", 0.95))
    if not two:
        return found
    if not theirs.peek("agent_proxy.use_turn_scores"):
        theirs.notes.append(
            "bi_level_gae with use_turn_scores: false sees one reward an episode, at its end; set "
            "algorithm.rewards_at=turn to credit turns"
        )
    return found | {"time": "bilevel", "turn_gamma": gamma}


def _loss(theirs: Foreign) -> dict[str, Any]:
    in_loss = theirs.take(f"{ACTOR}.use_kl_loss", "algorithm.kl_in", False)
    coef = theirs.take(f"{ACTOR}.kl_loss_coef", "algorithm.kl_coef", 0.0)
    kind = theirs.take(f"{ACTOR}.kl_loss_type", "algorithm.kl_estimator", "kl")
    in_reward = float(theirs.take("algorithm.kl_ctrl.kl_coef", "algorithm.kl_coef", 0.0))
    penalty = theirs.take("algorithm.kl_penalty", "algorithm.kl_estimator", "kl")
    if in_loss and coef and in_reward:
        theirs.problems.append("a KL in the loss and one in the reward: one place, not both")
    kl: dict[str, Any] = {"kl_coef": 0.0}
    if in_loss and coef:
        kl = {"kl_coef": float(coef), "kl_estimator": _KL[kind], "kl_in": "loss"}
    elif in_reward:
        kl = {"kl_coef": in_reward, "kl_estimator": _KL[penalty], "kl_in": "reward"}
    return kl | {
        "clip_low": float(theirs.take(f"{ACTOR}.clip_ratio_low", "algorithm.clip_low", 0.2)),
        "clip_high": float(theirs.take(f"{ACTOR}.clip_ratio_high", "algorithm.clip_high", 0.28)),
        "dual_clip": float(theirs.take(f"{ACTOR}.clip_ratio_c", "algorithm.dual_clip", 3.0)),
        "entropy_coef": float(
            theirs.take(f"{ACTOR}.entropy_coeff", "algorithm.entropy_coef", 0.001)
        ),
        "aggregation": theirs.take(f"{ACTOR}.loss_agg_mode", "algorithm.aggregation", "token-mean"),
    }


def learner(theirs: Foreign) -> dict[str, Any]:
    """How weights are updated. RAGEN's minibatch counts rows; ours are parts of a step."""
    mini = theirs.first(
        ["ppo_mini_batch_size", f"{ACTOR}.ppo_mini_batch_size"], "learner.minibatches", 32
    )
    rows = (theirs.peek("es_manager.train.env_groups") or 8) * (
        theirs.peek("es_manager.train.group_size") or 16
    )
    micro = theirs.first(
        ["micro_batch_size_per_gpu", f"{ACTOR}.ppo_micro_batch_size_per_gpu"],
        "learner.micro_tokens, in tokens",
        1,
    )
    longest = theirs.take(f"{ROLLOUT}.max_model_len", "learner.micro_tokens", 3600)
    optim, critic = f"{ACTOR}.optim", "critic.optim"
    return {
        "lr": float(theirs.take(f"{optim}.lr", "learner.lr", 1e-6)),
        "betas": list(theirs.take(f"{optim}.betas", "learner.betas", [0.9, 0.999])),
        "minibatches": max(1, rows // mini),
        "micro_tokens": max(int(micro) * int(longest), int(longest)),
        "gradient_checkpointing": True,
        "critic": {"lr": float(theirs.take(f"{critic}.lr", "learner.critic.lr", 1e-5))},
    }


def trackers(theirs: Foreign) -> list[dict[str, Any]]:
    """wandb, where it is asked for."""
    wanted = theirs.take("trainer.logger", "trackers", ["console"])
    project = theirs.take("trainer.project_name", "trackers (project)", "ragen")
    wandb = {"_target_": "guerdon.runs.trackers.Wandb", "project": project}
    return [wandb] if "wandb" in wanted else []
