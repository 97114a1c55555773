"""The general mode of an Absolute Zero configuration: questions, answers and a judge."""

from __future__ import annotations

from typing import Any

from guerdon.compat.foreign import Foreign
from guerdon.compat.verl_learning import ACTOR, MODEL, ROLLOUT

_PICK = "azr.data_selection_strategy"
_EARN = "azr.reward.generation_reward_config"

_ONLY: dict[str, tuple[Any, str]] = {
    f"{ROLLOUT}.n": (1, "the number of answers to a proposal is azr.reward.n_samples"),
    "azr.train_propose": (True, "to answer only, set azr.problem_types=[pred_general]"),
    "azr.train_solve": (True, "answers are what is to get better"),
    "azr.train_judge": (False, "a judge that is trained cannot be trusted"),
    "azr.with_answer_generation": (False, "a proposal is a question, without an answer"),
    "reward_fn.judge_with_actor": (False, "a policy that judges itself cannot be trusted"),
}


def general(theirs: Foreign) -> dict[str, Any]:
    """``models``, ``tasks``, ``env`` and ``growth`` of general self-play."""
    for key, (offered, why) in _ONLY.items():
        given = theirs.take(key, f"always {offered!r}", offered)
        if bool(given) != bool(offered) or (key.endswith(".n") and given != 1):
            theirs.problems.append(
                f"{key}: {given!r} is not offered ({why}); set it to {offered!r}"
            )
    pretrain = theirs.take("azr.pretrain_pred_steps", "never", -1)
    if pretrain > 0:
        theirs.problems.append(f"azr.pretrain_pred_steps: {pretrain} is not offered; set it to -1")
    theirs.ignore(f"{MODEL}.pretrained_tokenizer", "the model's own chat template is used")
    _one_entropy(theirs)
    return {
        "models": {"judge": _judge(theirs)},
        "tasks": _tasks(theirs),
        "env": _env(theirs),
        "growth": _growth(theirs),
    }


def _judge(theirs: Foreign) -> dict[str, Any]:
    """A judge on a server; which server, no configuration of theirs says."""
    to = "models.judge.engine.model"
    name = theirs.take("reward_fn.llm_model_name", to, "meta/llama-3.1-405b-instruct")
    theirs.notes.append(
        "the judge's server is not in their files: give models.judge.engine.base_url and, for a "
        "key, models.judge.engine.api_key_env; price: free counts no cost"
    )
    engine = {
        "_target_": "guerdon.engines.remote.RemoteEngine",
        "model": name,
        "base_url": "???",
        "price": "free",
    }
    return {"engine": engine}


def _one_entropy(theirs: Foreign) -> None:
    shared = theirs.peek(f"{ACTOR}.entropy_coeff") or 0.0
    for role in ("proposer", "solver", "judge"):
        key = f"azr.{role}_entropy_coeff"
        given = theirs.take(key, "algorithm.entropy_coef", shared)
        if float(given) != float(shared) and role != "judge":
            theirs.problems.append(
                f"{key}: {given} differs from {ACTOR}.entropy_coeff, {shared}: all roles share one"
            )


def _tasks(theirs: Foreign) -> dict[str, Any]:
    shown = theirs.take(f"{_EARN}.include_references", "tasks.num_references", False)
    references = theirs.take(f"{_PICK}.io_n", "tasks.num_references", 6)
    if shown not in (0, 1):
        theirs.problems.append(
            f"{_EARN}.include_references: {shown!r} is not offered; references are shown always or "
            f"never: set it to true or false"
        )
    return {
        "_target_": "guerdon.envs.self_play.general_tasks.GeneralTasks",
        "problem_types": list(theirs.take("azr.problem_types", "tasks.problem_types", ["general"])),
        "num_references": references if shown else 0,
        "seeds": {
            "_target_": "guerdon.data.general_seeds.GeneralSeeds",
            "num_seeds": theirs.take("azr.init_dataset_size", "tasks.seeds.num_seeds", 100),
        },
    }


def _env(theirs: Foreign) -> dict[str, Any]:
    asked = {
        name: theirs.take(f"reward_fn.{name}", f"env.judge.{name}, env.quality.{name}", default)
        for name, default in (
            ("temperature", 0.7), ("max_tokens", 1000), ("top_p", 0.95), ("stream", True)
        )
    }  # fmt: skip
    judge = {"_target_": "guerdon.rewards.judge.Judge"} | asked
    return {
        "_target_": "guerdon.envs.self_play.general.ProposeSolve",
        "num_samples": theirs.take("azr.reward.n_samples", "env.num_samples", 3),
        "train_on_samples": False,
        "difficulty": theirs.take(
            f"{_EARN}.generation_accuracy_convertion", "env.difficulty", "inverse"
        ),
        "format_reward": theirs.take(f"{_EARN}.format_reward", "env.format_reward", False),
        "success_at": 0.7,
        "quality": judge | {"rubric": "task_quality"},
        "judge": judge | {"rubric": "quality"},
    }


def _growth(theirs: Foreign) -> dict[str, Any]:
    mix = theirs.take("azr.pred_data_mix_strategy", "growth.fresh_first", "uniform_total")
    if mix not in ("max_new", "uniform_total"):
        theirs.problems.append(
            f"azr.pred_data_mix_strategy: {mix!r} is not offered; there are max_new, uniform_total"
        )
    most = theirs.take(f"{_PICK}.max_questions", "growth.max_tasks", 10_000)
    theirs.notes.append(
        "growth.min_score is 0.7: only questions judged good join the pool, of which the oldest "
        "leave; there, all join, and none that is there leaves"
    )
    return {
        "_target_": "guerdon.tasks.growth.Growth",
        "max_tasks": most,
        "min_score": 0.7,
        "fresh_first": mix == "max_new",
    }
