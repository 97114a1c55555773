"""``azr_ppo_trainer.yaml`` of Absolute Zero Reasoner, and its general mode's, as ours.

It is verl's configuration with three sections more: ``azr``, ``reward_fn`` and what they name.
``azr.task_type`` says which of two modes it is: ``code`` (the default) or ``general``
(`azr_general`). What is shared is read as verl's is, but for two things that Absolute Zero does to
it: a step has one update, over ``train_batch_size`` rows for each role of each kind of problem; and
REINFORCE++ is whitened over each of those by itself (TRR++).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from guerdon.compat.azr_general import general
from guerdon.compat.azr_ignored import CODE, GENERAL
from guerdon.compat.foreign import Fate, Foreign, Imported
from guerdon.compat.verl import (
    evaluation_of,
    opened,
    policy_of,
    run_of,
    trackers_of,
    trainer_of,
)
from guerdon.compat.verl_ignored import IGNORED
from guerdon.compat.verl_learning import ACTOR, MODEL, ROLLOUT, algorithm_of, learner_of
from guerdon.envs.self_play.programs import IMPORTS

PICK = "azr.data_selection_strategy"
EARN = "azr.reward.generation_reward_config"

_ONLY: dict[str, tuple[Any, str]] = {
    f"{ROLLOUT}.n": (1, "the number of answers to a proposal is azr.reward.n_samples"),
    "azr.pretrain_pred_steps": (-1, "the solver is never trained alone"),
    "azr.gen_data_probabilities_strategy": ("uniform", "references are drawn from all alike"),
    "azr.generate_seed_dataset_only": (False, "that is `guerdon tasks seed`"),
    f"{PICK}.update_iteration": (1, "every step follows from the one before"),
    f"{PICK}.composite_scheduler.enabled": (False, "the share of composite problems is fixed"),
    f"{EARN}.reject_test_input_in_code": (False, "a program may call itself"),
    f"{EARN}.remove_after_return": (False, "programs are kept as they were written"),
    f"{EARN}.remove_print": (False, "programs are kept as they were written"),
    f"{EARN}.remove_input_from_snippet": (False, "the proposer's prompt has one form"),
}
"""Key -> the one value that is offered, and why; another one is refused."""

_DEFAULTS: dict[str, dict[str, Any]] = {
    "code": {"data.train_batch_size": 64, "trainer.experiment_name": "azr"},
    "general": {
        "data.train_batch_size": 128,
        "trainer.experiment_name": "azr_general",
        "trainer.total_training_steps": 1000,
        "trainer.save_freq": 10,
        "trainer.test_freq": 10,
    },
}
"""What a file that is a part of theirs leaves out, as their files and scripts have it."""
_SHARED_DEFAULTS = {
    "algorithm.adv_estimator": "reinforce_plus_plus",
    "data.max_response_length": 8096,
    f"{ACTOR}.optim.weight_decay": 0.0,
}

_NO_BONUS = (
    "halstead",
    "answer_diversity",
    "f_input_answer_diversity",
    "f_output_answer_diversity",
)


def convert(paths: Sequence[Path], overrides: Sequence[str] = ()) -> Imported:
    """Read Absolute Zero's YAML files, later over earlier, and overrides.

    Raises:
        ConfigError: files that cannot be read, values that contradict each other, and what has no
            counterpart here and would change what is learned.
    """
    theirs = opened(paths, overrides)
    task_type = theirs.take("azr.task_type", "env._target_", "code")
    if task_type not in ("code", "general"):
        theirs.problems.append(f"azr.task_type: {task_type!r}; there are code, general")
    is_code = task_type != "general"
    given = theirs.values
    theirs.values = _filled(theirs, "code" if is_code else "general")
    read = code if is_code else general
    values = _shared(theirs) | {"trackers": trackers_of(theirs)}
    values["trainer"] |= _debug(theirs)
    for section, found in read(theirs).items():
        values[section] = values.get(section, {}) | found
    if is_code and values["trainer"]["eval_every"]:
        theirs.notes.append(
            "nothing is held out yet: name problems in tasks.eval_paths, or set tasks.num_held_out"
        )
        values["trainer"]["eval_every"] = 0
    for pattern, why in ((CODE if is_code else GENERAL) | IGNORED).items():
        theirs.ignore(pattern, why)
    theirs.values = given
    return theirs.finish(values)


def _filled(theirs: Foreign, task_type: str) -> Mapping[str, Any]:
    """Their values, with those that a part of a file leaves out; a note says which."""
    missing = {
        key: value
        for key, value in (_SHARED_DEFAULTS | _DEFAULTS[task_type]).items()
        if not theirs.has(key)
    }
    if missing:
        listed = ", ".join(f"{key}={value}" for key, value in missing.items())
        theirs.notes.append(f"not in the file, and taken from Absolute Zero's own: {listed}")
    filled = theirs
    for key, value in missing.items():
        filled = _with(filled, key, value)
    return filled.values


# --- what both modes share -----------------------------------------------------------------------


def _shared(theirs: Foreign) -> dict[str, Any]:
    algorithm = _algorithm(theirs)
    run = run_of(theirs)
    run["seed"] = theirs.take("azr.seed", "run.seed", run["seed"])
    return {
        "run": run,
        "trainer": _trainer(theirs),
        "models": {"policy": policy_of(theirs)},
        "algorithm": algorithm,
        "learner": _learner(theirs, algorithm),
        "eval": evaluation_of(theirs),
    }


def _algorithm(theirs: Foreign) -> dict[str, Any]:
    found = algorithm_of(theirs)
    if str(found.get("_target_", "")).endswith("ReinforcePP") and found["baseline"] == "none":
        found["baseline"] = "role"
    return found


def _trainer(theirs: Foreign) -> dict[str, Any]:
    """A step is a batch for each role of each kind; ours counts them together."""
    found = trainer_of(theirs)
    kinds = theirs.peek("azr.problem_types") or []
    if theirs.peek("azr.task_type") == "general":
        batches = 2 if "general" in kinds else len(set(kinds)) or 2
    else:
        batches = 2 * (len(kinds) or 3)
    return found | {"tasks_per_step": found["tasks_per_step"] * batches}


def _learner(theirs: Foreign, algorithm: dict[str, Any]) -> dict[str, Any]:
    key = f"{ACTOR}.ppo_mini_batch_size"
    rows = theirs.peek("data.train_batch_size") or 1024
    found = learner_of(_with(theirs, key, rows), algorithm)
    theirs.fates[key] = Fate(key, "ignored", "there, too, it is replaced: one update a step")
    return found


def _with(theirs: Foreign, key: str, value: Any) -> Foreign:
    """The same record of what was read, of values with another one in one place."""

    def put(values: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
        head, *rest = path
        return {**values, head: put(values.get(head) or {}, rest) if rest else value}

    changed = put(theirs.values, key.split("."))
    return Foreign(changed, theirs.fates, theirs.notes, theirs.problems)


def _debug(theirs: Foreign) -> dict[str, Any]:
    found = {"debug": bool(theirs.take("trainer.debug", "trainer.debug", False))}
    port = theirs.take("trainer.debug_port", "trainer.debug_port")
    return found | ({"debug_port": port} if port else {})


# --- code ----------------------------------------------------------------------------------------


def code(theirs: Foreign) -> dict[str, Any]:
    """``tasks``, ``env`` and ``growth`` of self-play about programs."""
    kinds = list(theirs.take("azr.problem_types", "tasks.kinds", ["code_i", "code_o", "code_f"]))
    samples = theirs.take("azr.reward.n_samples", "env.num_samples", 8)
    for key, (offered, why) in _ONLY.items():
        refuse_others(theirs, key, offered, why)
    if theirs.peek(f"{MODEL}.pretrained_tokenizer"):
        theirs.notes.append(
            "a base model reads plain text: give its directory the chat template of "
            "docs/self-play.md, or set env.wording.plain=false for an instruct model"
        )
    env = _env(theirs, samples)
    return {
        "tasks": _tasks(theirs, kinds) | {"workshop": env["grader"]["workshop"]},
        "env": env,
        "growth": _growth(theirs, kinds),
    }


def refuse_others(theirs: Foreign, key: str, offered: Any, why: str) -> None:
    """A key that has one value here; null counts as that value, as do -1 and 0 for "never"."""
    given = theirs.take(key, f"always {offered!r}", offered)
    is_never = offered == -1 and isinstance(given, int) and given <= 0
    if given != offered and not is_never:
        theirs.problems.append(f"{key}: {given!r} is not offered ({why}); set it to {offered!r}")


def _tasks(theirs: Foreign, kinds: list[str]) -> dict[str, Any]:
    keys = ["azr.seed_dataset", "azr.code_f_seed_dataset"]
    keys += ["azr.error_seed_dataset"] if "code_e" in kinds else []
    given = [theirs.take(key, "tasks.paths") for key in keys]
    paths = list(dict.fromkeys(str(path) for path in given if path))
    number = theirs.peek("data.train_batch_size") or 1024
    number *= theirs.peek(f"{PICK}.seed_batch_factor") or 4
    if paths:
        theirs.take(f"{PICK}.seed_batch_factor", "tasks.max_seeds")
    else:
        theirs.notes.append(
            f"without seed files it starts from the identity function. Absolute Zero first samples "
            f"seeds: guerdon tasks seed --config-name THIS FILE --number {number} --out seeds.jsonl"
        )
    shown = theirs.take(f"{EARN}.include_references", "tasks.num_references", True)
    references = theirs.take(f"{PICK}.io_n", "tasks.num_references", 6)
    return {
        "_target_": "guerdon.envs.self_play.code_tasks.CodeTasks",
        "kinds": kinds,
        "paths": paths,
        **({"max_seeds": number} if paths else {}),
        "num_references": references if shown else 0,
    }


def _env(theirs: Foreign, samples: int) -> dict[str, Any]:
    proposer = bool(theirs.take("azr.train_propose", "env.train_proposer", True))
    if not proposer:
        theirs.notes.append(
            "train_propose: false: an episode of a proposal needs rows to learn from, so the "
            "answers that measure its difficulty are trained on"
        )
    how = theirs.take("reward_fn.extraction_type", "env.wording.tags", "answer_conditional")
    if not str(how).startswith(("answer", "none")):
        theirs.problems.append(
            f"reward_fn.extraction_type: {how!r} is not offered for programs; there are "
            f"answer_conditional (tags) and none"
        )
    plain = bool(theirs.take(f"{MODEL}.pretrained_tokenizer", "env.wording.plain", False))
    tags = str(how).startswith("answer")
    return {
        "_target_": "guerdon.envs.self_play.code.CodeSelfPlay",
        "num_samples": samples,
        "num_inputs": theirs.take(f"{PICK}.num_inputs", "env.num_inputs", 10),
        "train_on_samples": not proposer,
        "train_proposer": proposer,
        "refuse_repeats": False,  # there, a proposal is only asked to be different
        "keep_comments": not theirs.take(f"{EARN}.remove_comments", "env.keep_comments", False),
        **_composite(theirs),
        "wording": {
            "_target_": "guerdon.envs.self_play.code_wording.Fenced",
            "tags": tags,
            "plain": plain and tags,
        },
        "rewards": {
            "_target_": "guerdon.envs.self_play.difficulty.RewardTable",
            "shape": theirs.take(
                f"{EARN}.generation_accuracy_convertion", "env.rewards.shape", "one_minus"
            ),
            "ends": -0.5,
        },
        "bonuses": _bonuses(theirs),
        "grader": _grader(theirs),
    }


def _composite(theirs: Foreign) -> dict[str, Any]:
    start = theirs.peek(f"{PICK}.composite_start_step") or -1
    if start <= 0:
        return {}
    theirs.take(f"{PICK}.composite_start_step", "env.num_helpers")
    least = theirs.take(f"{PICK}.composite_function_n_min", "env.num_helpers", -1)
    most = theirs.take(f"{PICK}.composite_function_n_max", "env.num_helpers", -1)
    chance = theirs.take(f"{PICK}.composite_chance", "env.helper_prob", 0.5)
    if start > 1:
        theirs.problems.append(
            f"{PICK}.composite_start_step: {start} is not offered (composite problems come from "
            f"the first step on, or never); set it to 1 or -1"
        )
    if least != most:
        theirs.problems.append(
            f"{PICK}: composite_function_n_min {least} and composite_function_n_max {most}: the "
            f"number of helpers is fixed; set both to it"
        )
    return {"num_helpers": max(0, most), "helper_prob": float(chance)}


def _bonuses(theirs: Foreign) -> dict[str, Any]:
    """Bonuses for intricate and for unlike programs; others are refused if they are on."""
    found: dict[str, Any] = {"_target_": "guerdon.envs.self_play.bonuses.Bonuses"}
    for name, ours in (("complexity", "complexity"), ("mean_edit_distance", "diversity")):
        if coef := _coef(theirs, name):
            at = f"{EARN}.{name}_reward"
            theirs.take(at, f"env.bonuses.{ours}")
            most = float(theirs.peek(f"{at}.max") or 0.5)
            if found.get("most", most) != most:
                theirs.problems.append(f"{EARN}.*_reward.max: they differ; bonuses share one")
            found |= {ours: coef, "most": most}
            theirs.notes.append(f"{at}: measured in our own way, see env.bonuses")
    how = theirs.peek(f"{EARN}.intrinsic_combine_method") or "sum"
    if len(found) > 1 and how != "sum":
        theirs.problems.append(
            f"{EARN}.intrinsic_combine_method: {how!r} is not offered; set it to sum"
        )
    theirs.problems += [
        f"{EARN}.{name}_reward is not offered; set its enabled: false"
        for name in _NO_BONUS
        if _coef(theirs, name)
    ]
    return found


def _coef(theirs: Foreign, name: str) -> float:
    at = f"{EARN}.{name}_reward"
    return float(theirs.peek(f"{at}.coef") or 0.0) if theirs.peek(f"{at}.enabled") else 0.0


def _grader(theirs: Foreign) -> dict[str, Any]:
    how = theirs.take("azr.reward.code_f_reward_type", "env.grader.code_f", "binary")
    shares = {"binary": "all", "if_one_correct": "any", "accuracy": "share"}
    if how not in shares:
        theirs.problems.append(
            f"azr.reward.code_f_reward_type: {how!r}; there are {', '.join(shares)}"
        )
    to = "env.grader.workshop"
    banned = theirs.take(f"{PICK}.banned_words", f"{to}.imports, which may be imported at all", [])
    for key in ("float_tolerance", "tolerance"):
        refuse_others(theirs, f"azr.reward.{key}", 0, "values are equal or not")
    return {
        "_target_": "guerdon.envs.self_play.grading.Grader",
        "code_f": shares.get(how, "all"),
        "workshop": {
            "_target_": "guerdon.envs.self_play.programs.Workshop",
            "imports": [name for name in IMPORTS if name not in banned],
            "sandbox": _sandbox(theirs),
        },
    }


def _sandbox(theirs: Foreign) -> dict[str, Any]:
    at = "env.grader.workshop.sandbox"
    executor = theirs.take("azr.executor", at, "qwq")
    if executor not in ("qwq", "sandboxfusion"):
        theirs.problems.append(f"azr.executor: {executor!r}; there are qwq, sandboxfusion")
    found: dict[str, Any] = {
        "_target_": "guerdon.sandbox.Sandbox",
        "num_workers": theirs.take("azr.executor_max_workers", f"{at}.num_workers", 1),
        "limits": {
            "wall_s": float(theirs.take("azr.execute_max_timeout", f"{at}.limits.wall_s", 10))
        },
    }
    if executor == "sandboxfusion":
        url = theirs.take("reward_model.sandbox_fusion.url", f"{at}.url", "???")
        found |= {"level": "http", "url": url}
    return found


def _growth(theirs: Foreign, kinds: list[str]) -> dict[str, Any]:
    mix = theirs.take("azr.pred_data_mix_strategy", "growth.fresh_first", "max_new")
    kept = theirs.take(f"{PICK}.valid_program_filter", "growth.min_difficulty", "all")
    most = theirs.take(f"{PICK}.max_programs", "growth.quotas")
    limits: dict[str, dict[str, float]] = {
        "all": {},
        "non_one": {"min_difficulty": 1e-6},
        "non_extremes": {"min_difficulty": 1e-6, "max_difficulty": 1.0 - 1e-6},
    }
    if mix not in ("max_new", "uniform_total"):
        theirs.problems.append(
            f"azr.pred_data_mix_strategy: {mix!r} is not offered; there are max_new, uniform_total"
        )
    if kept not in limits:
        theirs.problems.append(
            f"{PICK}.valid_program_filter: {kept!r}; there are {', '.join(limits)}"
        )
    if most:
        theirs.notes.append(f"{PICK}.max_programs: of a full pool the oldest leave, not the newest")
    return {
        "_target_": "guerdon.tasks.growth.Growth",
        "fresh_first": mix == "max_new",
        **({"quotas": dict.fromkeys(kinds, most)} if most else {}),
        **limits.get(kept, {}),
    }
