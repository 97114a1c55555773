"""Everything that is wrong with a configuration, at once, before a weight is read.

A component that knows more than its signature says defines ``problems() -> list[str]``: options
that exclude each other, data that cannot be read. It answers for the components inside it, too.
An algorithm whose baseline is the group says ``needs_group = True``; an environment whose episodes
hold whole groups says ``makes_groups = True``.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guerdon.config import capacity
from guerdon.config.azr import untaken
from guerdon.config.build import TARGET, Assembly, fit
from guerdon.config.capacity import ModelSize
from guerdon.config.compose import read
from guerdon.config.fields import MISSING, Problem, did_you_mean, join
from guerdon.config.schema import Config, ModelSpec, loads_itself
from guerdon.config.secrets import literal_secrets
from guerdon.config.target import locate, parameters
from guerdon.errors import ConfigError

ENGINE_GIVEN = ("model", "template")
"""What an in-process engine is given by the run: the loaded model and its chat template."""

TRACKER_GIVEN = ("run",)
"""What a tracker is given: the run's settings."""

MINIMUM = {
    "trainer.steps": 1,
    "trainer.tasks_per_step": 1,
    "trainer.group_size": 1,
    "trainer.eval_every": 0,
    "trainer.save_every": 0,
    "trainer.log_every": 1,
    "trainer.keep_last": 1,
    "trainer.max_error_rate": 0,
    "trainer.max_refills": 0,
    "trainer.max_concurrent": 1,
    "learner.lr": 0,
    "learner.weight_decay": 0,
    "learner.warmup_steps": 0,
    "learner.min_lr_frac": 0,
    "learner.epochs": 1,
    "learner.minibatches": 1,
    "learner.micro_tokens": 1,
    "learner.max_bad_updates": 1,
    "eval.num_tasks": 1,
    "eval.samples_per_task": 1,
    "llm.budget_usd": 0,
    "trust.num_tasks": 1,
    "trust.min_gold_frac": 0,
    "trust.max_canary_frac": 0,
    "trust.probe_every": 0,
    "trust.audit_frac": 0,
    "trust.audit_window": 2,
    "warmup.steps": 1,
    "warmup.batch_size": 1,
    "ptx.coef": 0,
    "ptx.batch_size": 1,
}

_PATH = re.compile(r"\S+?(?=: | is required: )")
"""Which value a problem is about."""

_STAND_INS: dict[str, Any] = {
    "run": {"name": "run"},
    "trainer": {"steps": 1, "tasks_per_step": 1},
    "models": {},
    "algorithm": {},
    "env": {},
    "tasks": {},
}
"""For required values that are missing or wrong, so that the rest can still be checked."""


@dataclass(frozen=True)
class Report:
    """What `check` found. ``problems`` stop a run, ``warnings`` do not."""

    config: Config | None
    """The typed configuration; None when there are problems."""
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sizes: list[ModelSize] = field(default_factory=list)
    """Models whose files are on this machine."""


def load(
    name: str | Path,
    overrides: Sequence[str] = (),
    config_dir: str | Path | None = None,
    *,
    is_new_run: bool = True,
) -> tuple[Config, dict[str, Any]]:
    """Compose and check: the typed configuration, and the plain values it came from.

    Raises:
        ConfigError: all problems, one line each.
    """
    report, values = examine(name, overrides, config_dir, is_new_run=is_new_run)
    if report.config is None:
        raise ConfigError(report.problems)
    return report.config, values


def examine(
    name: str | Path,
    overrides: Sequence[str] = (),
    config_dir: str | Path | None = None,
    *,
    is_new_run: bool = True,
) -> tuple[Report, dict[str, Any]]:
    """Compose and check, with the problems of both in one report."""
    values, unresolved, copies = read(name, overrides, config_dir)
    report = check(values, is_new_run=is_new_run)
    # what could not be resolved stands as ??? and must not be reported as missing, too
    repeated = {Problem((path,), None).line() for path in unresolved}
    problems = list(dict.fromkeys(line for line in unresolved.values() if line))
    problems += [line for line in report.problems if line not in repeated]
    problems = _once(problems, copies, unresolved.keys())
    config = None if problems else report.config
    return Report(config, problems, report.warnings, report.sizes), values


def check(values: Mapping[str, Any], *, is_new_run: bool = True) -> Report:
    """All problems of a composed configuration.

    Args:
        values: what `compose` returned.
        is_new_run: the run directory will be created; False when a run is evaluated or resumed.
    """
    config, found = _typed(values)
    wrong = {join("", *problem.loc) for problem in found}
    assembly = _assemble(config, wrong)
    problems = [problem.line() for problem in found]
    problems += [line for line in assembly.problems if line not in problems]
    problems += _component_problems(assembly)
    problems += _unknown_models(assembly, config)
    built = dict(assembly.built)
    if "env" in built and "tasks" in built:
        problems += untaken(config.azr, config.reward_fn, built["env"], built["tasks"])
    sizes: list[ModelSize] = []
    for role, spec in config.models.items():
        if not _touches(wrong, f"models.{role}"):
            problems += _model_problems(role, spec) + capacity.device_problems(role, spec)
            sizes += capacity.measure(role, spec)
    if not _touches(wrong, "trainer") and not _touches(wrong, "learner"):
        problems += _arithmetic(config, built)
    if "policy" not in config.models and not _touches(wrong, "models"):
        problems.append("models.policy: is required; it is the model that is trained")
    problems += literal_secrets(dict(values))
    if is_new_run and not _touches(wrong, "run"):
        problems += capacity.run_problems(config, sizes)
    warnings = [*_warnings(config), *capacity.memory_warnings(config, sizes)]
    return Report(None if problems else config, problems, warnings, sizes)


def _once(problems: list[str], copies: Mapping[str, str], unresolved: Collection[str]) -> list[str]:
    """The problems without those of a value that stands elsewhere and is wrong there already, or
    cannot be read out of something that is."""
    paths = [_PATH.match(line) for line in problems]
    wrong = {path[0] for path in paths if path}

    def is_copy(path: str) -> bool:
        parts = path.split(".")
        for size in range(len(parts), 0, -1):
            origin = copies.get(".".join(parts[:size]))
            if origin is not None and path in unresolved:
                return any(origin.startswith(f"{other}.") for other in wrong)
            if origin is not None:
                return ".".join([origin, *parts[size:]]) in wrong
        return False

    return [
        line
        for line, path in zip(problems, paths, strict=True)
        if path is None or not is_copy(path[0])
    ]


# --- the sections --------------------------------------------------------------------------------


def _typed(values: Mapping[str, Any]) -> tuple[Config, list[Problem]]:
    """The configuration with stand-ins where a value is missing or wrong, and what was wrong."""
    config, problems = fit(values, Config)
    if config is not None and not problems:
        return config, []
    drop = {problem.loc for problem in problems}
    while True:
        kept = _without(values, drop)
        for section, needed in _STAND_INS.items():
            given = kept.get(section)
            kept[section] = {**needed, **given} if isinstance(given, Mapping) else needed
        config, rest = fit(kept, Config)
        if config is not None:
            return config, problems
        # what lacks a value without a stand-in goes as a whole
        wider = drop | {problem.loc[:-1] for problem in rest}
        assert wider > drop, rest
        drop = wider


def _without(value: Any, drop: set[tuple[str | int, ...]], loc: tuple[str | int, ...] = ()) -> Any:
    """``value`` without what is at the paths of ``drop``; components keep their own problems."""
    if isinstance(value, Mapping) and TARGET not in value:
        return {
            key: _without(item, drop, (*loc, key))
            for key, item in value.items()
            if (*loc, key) not in drop
        }
    return value


def _touches(wrong: set[str], section: str) -> bool:
    return any(path == section or path.startswith(f"{section}.") for path in wrong)


# --- the components ------------------------------------------------------------------------------


def _components(config: Config) -> Iterator[tuple[str, Any]]:
    yield "algorithm", config.algorithm
    yield "env", config.env
    yield "tasks", config.tasks
    if config.growth:
        yield "growth", config.growth
    if config.warmup:
        yield "warmup.source", config.warmup.source
    if config.ptx:
        yield "ptx.source", config.ptx.source
    if config.trust.audit:
        yield "trust.audit", config.trust.audit
    for role, spec in config.models.items():
        if spec.init is not None:
            yield f"models.{role}.init", spec.init


def _assemble(config: Config, wrong: set[str]) -> Assembly:
    """Build what is cheap to build; of engines in this process and of trackers check the
    signature only."""
    assembly, dry = Assembly(), Assembly(is_dry=True)
    for at, node in _components(config):
        if at not in wrong:
            assembly.component(node, at, {})
    for role, spec in config.models.items():
        at = f"models.{role}.engine"
        if _runs_in_process(spec):
            dry.component(spec.engine, at, dict.fromkeys(ENGINE_GIVEN))
        else:  # it sends nothing before it is asked, and knows its keys and prices
            assembly.component(spec.engine, at, {"role": role, **loads_itself(spec)})
    for index, node in enumerate(config.trackers):
        dry.component(node, f"trackers.{index}", dict.fromkeys(TRACKER_GIVEN))
    assembly.problems += dry.problems
    return assembly


def _component_problems(assembly: Assembly) -> list[str]:
    answering = {at: one for at, one in assembly.built if callable(getattr(one, "problems", None))}
    lines = []
    for at, component in answering.items():
        if not any(at.startswith(f"{outer}.") for outer in answering):
            lines += [f"{at}: {line}" for line in component.problems()]
    return lines


def _unknown_models(assembly: Assembly, config: Config) -> list[str]:
    return [
        f"{at}: no model {name!r} in models{did_you_mean(name, config.models)}"
        for at, name in assembly.models
        if name not in config.models and not at.startswith("models.") and name != MISSING
    ]


def _model_problems(role: str, spec: ModelSpec) -> list[str]:
    at = f"models.{role}"
    if role == "policy" and spec.engine.get("offload"):
        return [f"{at}.engine.offload: the policy is trained where it is; set it for other models"]
    if spec.path is not None and spec.init is not None:
        return [f"{at}: has both path and init; remove one ({at}.init=null)"]
    takes = _engine_fields(spec)
    if role == "policy" and "path" in takes:
        return [
            f"{at}.engine: the policy's weights change in this process, which a model that is "
            f"served cannot follow; use guerdon.engines.native.NativeEngine"
        ]
    if "path" in takes and spec.device != "auto":
        return [
            f"{at}.device: its engine chooses the GPUs; leave auto, and set {at}.engine.devices"
        ]
    if spec.path is None and spec.init is None:
        need = f"{at}: needs path (a Hugging Face directory or hub name) or init"
        return [need] if role == "policy" or takes & {"path", "template"} else []
    if spec.path is None or spec.path == MISSING:
        return []
    from guerdon.hf import check_model

    return [f"{at}.path: {line}" for line in check_model(spec.path)]


def _runs_in_process(spec: ModelSpec) -> bool:
    """Whether the engine is given a loaded model; a remote one has its own way to its model."""
    return "template" in _engine_fields(spec)


def _engine_fields(spec: ModelSpec) -> set[str]:
    try:
        return set(parameters(locate(spec.engine.get(TARGET)))[0])
    except ConfigError:  # reported where the engine is checked
        return set()


# --- numbers that must go together ---------------------------------------------------------------


def _arithmetic(config: Config, built: Mapping[str, Any]) -> list[str]:
    problems = []
    for path, least in MINIMUM.items():
        section, name = path.split(".")
        value = getattr(getattr(config, section), name, None)
        if value is not None and value < least:
            problems.append(f"{path}: must be at least {least}, got {value}")
    trainer, learner = config.trainer, config.learner
    rows, parts = trainer.tasks_per_step * trainer.group_size, learner.minibatches
    if parts >= 1 and rows >= 1 and rows % parts:
        fitting = [str(number) for number in range(1, rows + 1) if rows % number == 0]
        problems.append(
            f"learner.minibatches: {parts} does not divide the step's trainer.tasks_per_step * "
            f"trainer.group_size = {trainer.tasks_per_step} * {trainer.group_size} = {rows} rows; "
            f"use one of {', '.join(fitting[:12])}"
        )
    compares = getattr(built.get("algorithm"), "needs_group", False)
    alone = trainer.group_size == 1
    if compares and alone and not getattr(built.get("env"), "makes_groups", False):
        problems.append(
            f"trainer.group_size: {type(built['algorithm']).__name__} compares the members of a "
            f"group, so it must be at least 2, got {trainer.group_size}"
        )
    if trainer.max_refills and alone:
        problems.append(
            f"trainer.max_refills: {trainer.max_refills} replaces groups whose members all earned "
            f"the same, and trainer.group_size is {trainer.group_size}; set it to 0"
        )
    policy = config.models.get("policy")
    if policy is not None and policy.sampling.temperature <= 0 and trainer.temperature is None:
        problems.append(
            f"models.policy.sampling.temperature: must be above 0 to explore, got "
            f"{policy.sampling.temperature}; evaluation is greedy anyway (eval.sampling)"
        )
    gold = config.trust.gold
    if gold is not None and "{answer}" not in gold:
        problems.append(f"trust.gold: must have {{answer}} in it, got {gold!r}")
    env = built.get("env")
    says = hasattr(env, "response_of") or hasattr(env, "env_of")
    if config.trust.audit and env is not None and not says:
        problems.append(
            f"trust.audit: {type(env).__name__} does not say which text its reward scored "
            f"(response_of), so nothing can be audited; remove trust.audit"
        )
    if trainer.debug and importlib.util.find_spec("debugpy") is None:
        problems.append("trainer.debug: needs debugpy; pip install 'guerdon[debug]'")
    return problems


def _warnings(config: Config) -> list[str]:
    policy = config.models.get("policy")
    if policy is None or (policy.sampling.top_p >= 1 and policy.sampling.top_k == 0):
        return []
    return [
        f"models.policy.sampling: top_p={policy.sampling.top_p}, top_k={policy.sampling.top_k} cut "
        f"the policy's support, which biases importance ratios; top_p=1 and top_k=0 do not"
    ]
