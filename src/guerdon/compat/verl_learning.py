"""What is learned, and how, in a configuration of verl's: algorithm, loss, optimizer."""

from __future__ import annotations

from typing import Any

from guerdon.compat.foreign import Foreign

ACTOR = "actor_rollout_ref.actor"
ROLLOUT = "actor_rollout_ref.rollout"
MODEL = "actor_rollout_ref.model"

_KL = {"kl": "k1", "k1": "k1", "mse": "k2", "k2": "k2", "low_var_kl": "k3", "k3": "k3"}
_CORRECTION = "algorithm.rollout_correction"
_AGGREGATIONS = ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum")


def algorithm_of(theirs: Foreign) -> dict[str, Any]:
    """``algorithm:`` of ours."""
    name = theirs.take("algorithm.adv_estimator", "algorithm._target_", "gae")
    build = {
        "gae": _ppo,
        "grpo": _grpo,
        "rloo": lambda _: {"_target_": "guerdon.algorithms.rloo.RLOO"},
        "reinforce_plus_plus": _reinforce,
        "reinforce_plus_plus_baseline": _reinforce,
    }
    if name not in build:
        theirs.problems.append(
            f"algorithm.adv_estimator: {name!r} is not offered; there are {', '.join(build)}"
        )
        return {}
    return build[name](theirs) | _clip(theirs) | _kl(theirs) | _loss(theirs)


def _ppo(theirs: Foreign) -> dict[str, Any]:
    return {
        "_target_": "guerdon.algorithms.ppo.PPO",
        "gamma": theirs.take("algorithm.gamma", "algorithm.gamma", 1.0),
        "lam": theirs.take("algorithm.lam", "algorithm.lam", 1.0),
        "value_clip": theirs.take("critic.cliprange_value", "algorithm.value_clip", 0.5),
        "value_warmup": theirs.take("trainer.critic_warmup", "algorithm.value_warmup", 0),
    }


def _grpo(theirs: Foreign) -> dict[str, Any]:
    key = "algorithm.norm_adv_by_std_in_grpo"
    by_std = theirs.take(key, "algorithm.norm", True)
    theirs.take("trainer.critic_warmup", "no critic")
    return {
        "_target_": "guerdon.algorithms.grpo.GRPO",
        "norm": "unbiased_std" if by_std else "none",
    }


def _reinforce(theirs: Foreign) -> dict[str, Any]:
    group = theirs.peek("algorithm.adv_estimator").endswith("baseline")
    gamma = theirs.take("algorithm.gamma", "algorithm.gamma", 1.0)
    return {
        "_target_": "guerdon.algorithms.reinforce_pp.ReinforcePP",
        "baseline": "group" if group else "none",
        "gamma": 1.0 if group else gamma,
    }


def _clip(theirs: Foreign) -> dict[str, Any]:
    both = theirs.take(f"{ACTOR}.clip_ratio", "algorithm.clip_low, clip_high", 0.2)
    found = {
        f"clip_{side}": theirs.take(f"{ACTOR}.clip_ratio_{side}", f"algorithm.clip_{side}", both)
        for side in ("low", "high")
    }
    return found | {"dual_clip": theirs.take(f"{ACTOR}.clip_ratio_c", "algorithm.dual_clip", 3.0)}


def _kl(theirs: Foreign) -> dict[str, Any]:
    in_loss = theirs.take(f"{ACTOR}.use_kl_loss", "algorithm.kl_in", False)
    in_reward = theirs.take("algorithm.use_kl_in_reward", "algorithm.kl_in", False)
    if in_loss and in_reward:
        theirs.problems.append(
            f"{ACTOR}.use_kl_loss and algorithm.use_kl_in_reward: one place for the KL, not both"
        )
    coef = theirs.take(f"{ACTOR}.kl_loss_coef", "algorithm.kl_coef", 0.001)
    kind = theirs.take(f"{ACTOR}.kl_loss_type", "algorithm.kl_estimator", "low_var_kl")
    if in_reward:
        coef = theirs.take("algorithm.kl_ctrl.kl_coef", "algorithm.kl_coef", 0.001)
        kind = theirs.take("algorithm.kl_penalty", "algorithm.kl_estimator", "kl")
        coef = _adaptive(theirs, coef)
    if not (in_loss or in_reward):
        return {"kl_coef": 0.0}
    if kind not in _KL:
        theirs.problems.append(f"KL estimator {kind!r} is not offered; there are {', '.join(_KL)}")
    return {
        "kl_coef": coef,
        "kl_estimator": _KL.get(kind),
        "kl_in": "reward" if in_reward else "loss",
    }


def _adaptive(theirs: Foreign, coef: float) -> Any:
    if theirs.take("algorithm.kl_ctrl.type", "algorithm.kl_coef", "fixed") == "fixed":
        return coef
    target = theirs.take("algorithm.kl_ctrl.target_kl", "algorithm.kl_coef.target", 0.1)
    horizon = theirs.take("algorithm.kl_ctrl.horizon", "algorithm.kl_coef.gain", 10_000)
    rows = theirs.peek("data.train_batch_size") or 1024
    rows *= theirs.peek(f"{ROLLOUT}.n") or 1
    return {"start": coef, "target": target, "gain": rows / horizon}


def _loss(theirs: Foreign) -> dict[str, Any]:
    aggregation = theirs.take(f"{ACTOR}.loss_agg_mode", "algorithm.aggregation", "token-mean")
    if aggregation not in _AGGREGATIONS:
        theirs.problems.append(
            f"{ACTOR}.loss_agg_mode: {aggregation!r} is not offered; there are "
            f"{', '.join(_AGGREGATIONS)}"
        )
    entropy = theirs.first(
        [f"{ACTOR}.entropy_coeff", f"{ACTOR}.entropy_coeffient"], "algorithm.entropy_coef", 0.0
    )
    mode = theirs.take(f"{ACTOR}.policy_loss.loss_mode", "algorithm.surrogate", "vanilla")
    surrogates = {"vanilla": "clip", "gspo": "gspo", "cispo": "cispo"}
    if mode not in surrogates:
        theirs.problems.append(
            f"{ACTOR}.policy_loss.loss_mode: {mode!r} is not offered; there are "
            f"{', '.join(surrogates)}"
        )
    theirs.ignore(f"{ACTOR}.policy_loss.*", "not used by this loss")
    return {
        "aggregation": aggregation,
        "entropy_coef": float(entropy),
        **({"surrogate": surrogates.get(mode)} if mode != "vanilla" else {}),
        **_engine_weights(theirs),
    }


def _engine_weights(theirs: Foreign) -> dict[str, Any]:
    """Truncated importance weights between engine and learner, in either spelling."""
    to = "algorithm.max_engine_weight"
    cap = theirs.take(f"{ACTOR}.tis_imp_ratio_cap", to, -1)
    kind = theirs.take(f"{_CORRECTION}.rollout_is", to)
    if kind is not None:
        cap = theirs.take(f"{_CORRECTION}.rollout_is_threshold", to, 2.0)
    if kind not in (None, "token"):
        theirs.problems.append(f"{_CORRECTION}.rollout_is: {kind!r} is not offered; there is token")
    for name in ("rollout_rs", "rollout_is_batch_normalize"):
        if theirs.take(f"{_CORRECTION}.{name}", "off"):
            theirs.problems.append(f"{_CORRECTION}.{name}: is not offered; leave it out")
    return {"max_engine_weight": float(cap)} if cap > 0 else {}


def _old_logprobs(theirs: Foreign) -> dict[str, Any]:
    """With ``bypass_mode`` those of the engine count as the policy's before the step."""
    bypass = theirs.take(f"{_CORRECTION}.bypass_mode", "learner.old_logprobs", False)
    if bypass:
        loss = theirs.take(f"{_CORRECTION}.loss_type", "algorithm.surrogate", "ppo_clip")
        if loss != "ppo_clip":
            theirs.problems.append(
                f"{_CORRECTION}.loss_type: {loss!r} is not offered; there is ppo_clip"
            )
    theirs.ignore(f"{_CORRECTION}.*", "not used as rollout_correction is set")
    return {"old_logprobs": "engine"} if bypass else {}


def learner_of(theirs: Foreign, algorithm: dict[str, Any]) -> dict[str, Any]:
    """``learner:`` of ours, for that algorithm."""
    optim = f"{ACTOR}.optim"
    found = {
        "lr": float(theirs.take(f"{optim}.lr", "learner.lr", 1e-6)),
        "weight_decay": float(theirs.take(f"{optim}.weight_decay", "learner.weight_decay", 0.01)),
        "max_grad_norm": float(theirs.take(f"{ACTOR}.grad_clip", "learner.max_grad_norm", 1.0)),
        "epochs": theirs.take(f"{ACTOR}.ppo_epochs", "learner.epochs", 1),
        "minibatches": _minibatches(theirs),
        "micro_tokens": _micro_tokens(theirs),
        "gradient_checkpointing": theirs.take(
            f"{MODEL}.enable_gradient_checkpointing", "learner.gradient_checkpointing", True
        ),
        "schedule": theirs.first(
            [f"{optim}.warmup_style", f"{optim}.lr_scheduler_type"], "learner.schedule", "constant"
        ),
        "min_lr_frac": float(
            theirs.take(f"{optim}.min_lr_ratio", "learner.min_lr_frac", 0.0) or 0.0
        ),
        "warmup_steps": _warmup_steps(theirs),
        **_old_logprobs(theirs),
    }
    betas = theirs.take(f"{optim}.betas", "learner.betas")
    found |= {"betas": list(betas)} if betas else {}
    theirs.ignore(f"{optim}.*", "not used by this schedule")
    if str(algorithm.get("_target_", "")).endswith("PPO"):
        path = theirs.take("critic.model.path", "learner.critic.path")
        if path == theirs.peek(f"{MODEL}.path"):
            path = None  # a value head on the policy's own backbone
            theirs.notes.append(
                "critic.model.path is the policy's: here the critic is a head on the policy's "
                "backbone; set learner.critic.path for a backbone of its own"
            )
        lr = float(theirs.take("critic.optim.lr", "learner.critic.lr", 1e-5))
        found["critic"] = {"path": path, "lr": lr}
    return found


def _minibatches(theirs: Foreign) -> int:
    batch = theirs.peek("data.train_batch_size") or 1024
    mini = theirs.take(f"{ACTOR}.ppo_mini_batch_size", "learner.minibatches", 256)
    if batch % mini:
        theirs.problems.append(
            f"{ACTOR}.ppo_mini_batch_size: {mini} does not divide data.train_batch_size, {batch}"
        )
    return max(1, batch // mini)


def _micro_tokens(theirs: Foreign) -> int:
    """Ours counts tokens: those of a micro-batch of full length."""
    dynamic = theirs.take(f"{ACTOR}.use_dynamic_bsz", "learner.micro_tokens", False)
    tokens = theirs.take(f"{ACTOR}.ppo_max_token_len_per_gpu", "learner.micro_tokens", 16_384)
    rows = theirs.first(
        [f"{ACTOR}.ppo_micro_batch_size_per_gpu", f"{ACTOR}.ppo_micro_batch_size"],
        "learner.micro_tokens, in tokens",
    )
    if dynamic or rows is None:
        return int(tokens)
    longest = (theirs.peek("data.max_prompt_length") or 512) + (
        theirs.peek("data.max_response_length") or 512
    )
    return int(rows) * longest


def _warmup_steps(theirs: Foreign) -> int:
    optim = f"{ACTOR}.optim"
    steps = theirs.take(f"{optim}.lr_warmup_steps", "learner.warmup_steps", -1)
    ratio = theirs.take(f"{optim}.lr_warmup_steps_ratio", "learner.warmup_steps", 0.0)
    total = theirs.first(
        ["trainer.total_training_steps", f"{optim}.total_training_steps"], "trainer.steps"
    )
    if steps > 0:
        return int(steps)
    if ratio and total is None:
        theirs.notes.append(
            f"give learner.warmup_steps: {ratio} of trainer.steps, which is not known"
        )
    return int(ratio * (total or 0))
