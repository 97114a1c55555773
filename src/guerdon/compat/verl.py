"""A ``ppo_trainer.yaml`` of verl, with overrides, as a configuration of ours.

Spellings of 2024 (`reward_model.*`, ``ppo_micro_batch_size``) and of 2026 (``reward.*``) are read.
Keys about placement and memory on a cluster say nothing here and are listed as ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guerdon.compat.foreign import Foreign, Imported
from guerdon.compat.verl_ignored import IGNORED
from guerdon.compat.verl_learning import ACTOR, MODEL, ROLLOUT, algorithm_of, learner_of


def convert(paths: Sequence[Path], overrides: Sequence[str] = ()) -> Imported:
    """Read verl's YAML files, later over earlier, and overrides as its command line takes them.

    Raises:
        ConfigError: files that cannot be read, values that contradict each other, and what has no
            counterpart here and would change what is learned.
    """
    return converted(opened(paths, overrides))


def converted(theirs: Foreign) -> Imported:
    """The same of values that no file holds.

    Raises:
        ConfigError: as `convert`.
    """
    algorithm = algorithm_of(theirs)
    reward, models = _reward(theirs)
    values = {
        "run": run_of(theirs),
        "trainer": trainer_of(theirs),
        "models": {"policy": policy_of(theirs)} | models,
        "tasks": _tasks(theirs),
        "env": {"_target_": "guerdon.envs.single_turn.SingleTurn", "reward": reward},
        "algorithm": algorithm,
        "learner": learner_of(theirs, algorithm),
        "eval": evaluation_of(theirs),
        "trackers": trackers_of(theirs),
    }
    for pattern, why in IGNORED.items():
        theirs.ignore(pattern, why)
    return theirs.finish(values)


def opened(paths: Sequence[Path], overrides: Sequence[str] = ()) -> Foreign:
    """The files, with -1 for "not given" taken out: a number of steps that verl
    finds out itself."""
    theirs = Foreign.read(paths, overrides)
    for section in ("trainer", f"{ACTOR}.optim", "critic.optim"):
        found = theirs.peek(section)
        if isinstance(found, dict) and (found.get("total_training_steps") or 0) < 0:
            found["total_training_steps"] = None
    return theirs


def run_of(theirs: Foreign) -> dict[str, Any]:
    """``run``: its name, seed and folder."""
    name = theirs.take("trainer.experiment_name", "run.name", "verl")
    run = {"name": name, "seed": theirs.take("data.seed", "run.seed", 0)}
    folder = theirs.take("trainer.default_local_dir", "run.dir (its parent)")
    return run | ({"dir": str(Path(folder).parent)} if folder else {})


def trainer_of(theirs: Foreign) -> dict[str, Any]:
    """``trainer``: how long, how many, how often."""
    steps = theirs.take("trainer.total_training_steps", "trainer.steps")
    batch = theirs.take("data.train_batch_size", "trainer.tasks_per_step", 1024)
    batch = theirs.take("data.gen_batch_size", "trainer.tasks_per_step", batch)
    epochs = theirs.take("trainer.total_epochs", "trainer.steps, if they are not given")
    if steps is None:
        steps = "???"
        theirs.notes.append(
            f"give trainer.steps: verl's {epochs or 30} epochs are that many times the training "
            f"rows, divided by {batch}"
        )
    every = {
        ours: max(0, theirs.take(f"trainer.{name}", f"trainer.{ours}", -1))
        for ours, name in (("save_every", "save_freq"), ("eval_every", "test_freq"))
    }
    kept = theirs.first(
        ["trainer.max_actor_ckpt_to_keep", "trainer.max_critic_ckpt_to_keep"], "trainer.keep_last"
    )
    return {
        "steps": steps,
        "tasks_per_step": batch,
        "group_size": theirs.take(f"{ROLLOUT}.n", "trainer.group_size", 1),
        **every,
        **({"keep_last": kept} if kept else {}),
    }


def policy_of(theirs: Foreign) -> dict[str, Any]:
    """``models.policy``: the model and how it samples."""
    at = "models.policy"
    rank = theirs.take(f"{MODEL}.lora_rank", f"{at}.lora.rank", 0)
    lora = {
        "rank": rank,
        "alpha": float(theirs.take(f"{MODEL}.lora_alpha", f"{at}.lora.alpha", 16)),
        "targets": theirs.take(f"{MODEL}.target_modules", f"{at}.lora.targets", "all-linear"),
    }
    if theirs.peek(f"{MODEL}.override_config"):
        theirs.problems.append(
            f"{MODEL}.override_config: change config.json of the model directory instead"
        )
    theirs.take(f"{MODEL}.override_config", "empty")
    return {
        "path": theirs.take(f"{MODEL}.path", f"{at}.path", "???"),
        "lora": lora if rank else None,
        "sampling": _sampling(theirs, ROLLOUT, f"{at}.sampling")
        | {"max_tokens": _max_tokens(theirs)},
        "template_options": theirs.take(
            "data.apply_chat_template_kwargs", f"{at}.template_options", {}
        ),
    }


def _max_tokens(theirs: Foreign) -> int:
    keys = ["data.max_response_length", f"{ROLLOUT}.response_length"]
    return int(theirs.first(keys, "models.policy.sampling.max_tokens", 512))


def _sampling(theirs: Foreign, key: str, to: str) -> dict[str, Any]:
    return {
        "temperature": float(theirs.take(f"{key}.temperature", f"{to}.temperature", 1.0)),
        "top_p": float(theirs.take(f"{key}.top_p", f"{to}.top_p", 1.0)),
        "top_k": max(0, theirs.take(f"{key}.top_k", f"{to}.top_k", -1)),
    }


def evaluation_of(theirs: Foreign) -> dict[str, Any]:
    """``eval``: held-out tasks, and how the policy samples there."""
    key = f"{ROLLOUT}.val_kwargs"
    found: dict[str, Any] = {"num_tasks": 1_000_000}
    limit = theirs.take("data.val_max_samples", "eval.num_tasks", -1)
    if limit > 0:
        found["num_tasks"] = limit
    if not theirs.has(key):
        return found
    found["samples_per_task"] = theirs.take(f"{key}.n", "eval.samples_per_task", 1)
    sampling = _sampling(theirs, key, "eval.sampling")
    if theirs.take(f"{key}.do_sample", "eval.sampling", False):
        found["sampling"] = sampling | {"max_tokens": _max_tokens(theirs)}
    return found


def _tasks(theirs: Foreign) -> dict[str, Any]:
    source = {
        "_target_": "guerdon.data.files.TaskFile",
        "path": _one_file(theirs, "data.train_files", "tasks.path") or "???",
        "eval_path": _one_file(theirs, "data.val_files", "tasks.eval_path"),
        "prompt_key": theirs.take("data.prompt_key", "tasks.prompt_key", "prompt"),
        "max_prompt_tokens": theirs.take("data.max_prompt_length", "tasks.max_prompt_tokens", 512),
        "seed": theirs.take("data.seed", "run.seed, tasks.seed", 0),
    }
    limit = theirs.take("data.train_max_samples", "tasks.limit", -1)
    return source | ({"limit": limit} if limit > 0 else {})


def _one_file(theirs: Foreign, key: str, to: str) -> str | None:
    found = theirs.take(key, to)
    files = [found] if isinstance(found, str) else list(found or [])
    if len(files) > 1:
        theirs.problems.append(
            f"{key}: {len(files)} files; put them in one, or use guerdon.data.mixture.Mixture"
        )
    return files[0] if files else None


# --- reward --------------------------------------------------------------------------------------


def _reward(theirs: Foreign) -> tuple[dict[str, Any], dict[str, Any]]:
    """The reward and the models it needs."""
    at = "env.reward.function"
    path = theirs.first(["custom_reward_function.path", "reward.custom_reward_function.path"], at)
    name = theirs.first(
        ["custom_reward_function.name", "reward.custom_reward_function.name"], at, "compute_score"
    )
    options = theirs.first(
        ["custom_reward_function.reward_kwargs", "reward.custom_reward_function.reward_kwargs"],
        "env.reward.options",
        {},
    )
    if path:
        target = "guerdon.rewards.python.Python"
        return {"_target_": target, "function": f"{path}:{name}", "options": options}, {}
    enabled = theirs.first(["reward_model.enable", "reward.reward_model.enable"], "env.reward")
    strategy = theirs.take("reward_model.strategy", "env.reward", "fsdp")
    model = theirs.first(
        ["reward_model.model.path", "reward.reward_model.model_path"], "models.*.path", "???"
    )
    if not enabled:
        theirs.notes.append(
            "verl picks a rule by data_source; this is the math rule (math-verify on the last "
            "boxed answer). For other data name another reward in env.reward"
        )
        return {"_target_": "guerdon.rewards.math.Math", "on_timeout": "wrong"}, {}
    if strategy == "verifier":
        return _verifier(model)
    if strategy not in ("fsdp", "fsdp2", "megatron"):
        theirs.problems.append(
            f"reward_model.strategy: {strategy!r} is not offered; there are fsdp (a model with a "
            f"classification head) and verifier"
        )
    engine = {"_target_": "guerdon.engines.classifier.ClassifierEngine"}
    spec = {"path": model, "engine": engine}
    return {"_target_": "guerdon.rewards.reward_model.RewardModel"}, {"reward_model": spec}


def _verifier(model: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """General-Reasoner's own reward; see conf/verifier/general_reasoner.yaml."""
    reward = {
        "_target_": "guerdon.rewards.verifier.Verifier",
        "missing": -0.5,
        "ask_missing": True,
        "length_coef": 0.05,
        "tokenizer": model,
        "unparsed": "wrong",
        "guard": False,
        "max_answer_chars": 1_000_000,
    }
    spec = {"path": model, "sampling": {"temperature": 0.0, "max_tokens": 1024}}
    return reward, {"verifier": spec}


def trackers_of(theirs: Foreign) -> list[dict[str, Any]]:
    """``trackers``: those that are offered, of those asked for."""
    given = theirs.take("trainer.logger", "trackers", ["console"])
    wanted = [given] if isinstance(given, str) else list(given)
    project = theirs.take("trainer.project_name", "trackers (project)", "verl")
    known = {
        "wandb": {"_target_": "guerdon.runs.trackers.Wandb", "project": project},
        "tensorboard": {"_target_": "guerdon.runs.trackers.TensorBoard"},
        "trackio": {"_target_": "guerdon.runs.trackers.Trackio", "project": project},
    }
    for name in wanted:
        if name not in known and name != "console":
            theirs.notes.append(f"trainer.logger: {name!r} is not offered; metrics.jsonl has all")
    return [known[name] for name in wanted if name in known]
