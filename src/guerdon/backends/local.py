"""Everything in this process: engine and learner share one copy of the policy's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guerdon import hf
from guerdon.config.build import TARGET
from guerdon.config.build import build as build_component
from guerdon.config.schema import Config, ModelSpec, loads_itself
from guerdon.config.target import locate, parameters
from guerdon.learner.checkpoint import load_models_into
from guerdon.learner.learner import Learner
from guerdon.learner.models import PolicyModels, resolve_device, resolve_dtype
from guerdon.learner.models import load_models as load_policy
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.templates import ChatTemplate
from guerdon.types import Algorithm, Engine, Env, Message, Model, Models, derive_seed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WARM = "warm"
"""Folder in the run directory: the policy after its warm-up, which a KL penalty refers to."""


@dataclass(frozen=True)
class Parts:
    """What a backend builds from a configuration."""

    models: Models
    learner: Learner
    algorithm: Algorithm
    env: Env
    tasks: Any
    """A task source: ``load(count_tokens) -> TaskSets``."""
    loaded: PolicyModels
    """The modules in memory, for the table shown at start-up."""
    template: ChatTemplate
    ledger: Ledger | None = None
    """Of the calls of remote models; None: the run has none."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, generation prompt included."""
        return len(self.template.start(messages))


def build(config: Config, folder: Path) -> Parts:
    """Load the models of ``config`` and construct its components.

    Args:
        config: a configuration that passed `config.check`.
        folder: the run directory; models with ``init`` are built there once.
    """
    config = resolve(config, folder)
    spec = config.models["policy"]
    algorithm = build_component(config.algorithm, "algorithm")
    warm = folder / WARM
    loaded = load_policy(
        spec,
        critic=config.learner.critic if algorithm.needs_critic else None,
        needs_reference=algorithm.needs_reference,
        reference_path=str(warm) if warm.exists() else None,
    )
    template = template_of(spec, loaded.tokenizer)
    learner = Learner(
        loaded,
        algorithm,
        config.learner,
        total_steps=config.trainer.steps,
        seed=derive_seed(config.run.seed, "learner"),
    )
    shared = open_llm(config, folder)
    engines = {
        name: load_engine(name, other, **shared)
        for name, other in config.models.items()
        if name != "policy"
    }
    engines["policy"] = build_engine("policy", spec, model=loaded.policy, template=template)
    return Parts(
        models=_models(config, engines),
        learner=learner,
        algorithm=algorithm,
        env=build_component(config.env, "env"),
        tasks=build_component(config.tasks, "tasks"),
        loaded=loaded,
        template=template,
        ledger=shared.get("ledger"),
    )


def load_models(config: Config, folder: Path, checkpoint: Path | None = None) -> Models:
    """The models alone, for evaluation: nothing that only training needs.

    Args:
        checkpoint: where the policy's weights are; None: where its path says.
    """
    config = resolve(config, folder)
    shared = open_llm(config, folder)
    engines = {}
    for name, spec in config.models.items():
        if name != "policy" or checkpoint is None:
            engines[name] = load_engine(name, spec, **shared)
        elif spec.lora is None:
            engines[name] = load_engine(name, replace(spec, path=str(checkpoint / "policy")))
        else:
            loaded = load_policy(spec)
            load_models_into(loaded, checkpoint)
            template = template_of(spec, loaded.tokenizer)
            engines[name] = build_engine(name, spec, model=loaded.policy, template=template)
    return _models(config, engines)


def resolve(config: Config, folder: Path) -> Config:
    """The same configuration with a path for every model that ``init`` describes."""
    models = {}
    for name, spec in config.models.items():
        if spec.init is not None:
            path = folder / "init" / name
            if not (path / "config.json").exists():
                builder = build_component(spec.init, f"models.{name}.init")
                builder.save(path, seed=derive_seed(config.run.seed, "init", name) % 2**31)
            spec = replace(spec, path=str(path), init=None)
        models[name] = spec
    return replace(config, models=models)


def _models(config: Config, engines: Mapping[str, Engine]) -> Models:
    """Engines with their sampling, each with a seed of its own."""
    return {
        name: Model(engine, config.models[name].sampling).at(config.run.seed, name)
        for name, engine in engines.items()
    }


def open_llm(config: Config, folder: Path) -> dict[str, Any]:
    """Cache, ledger and folder that the run's remote models share; {} when it has none."""
    targets = [locate(spec.engine.get(TARGET)) for spec in config.models.values()]
    if not any("ledger" in parameters(target)[0] for target in targets):
        return {}
    file = folder / "llm.sqlite"
    return {
        "cache": Cache(config.llm.cache_path or file, config.llm.cache),
        "ledger": Ledger(file, config.llm.budget_usd),
        "folder": folder,
    }


def load_engine(name: str, spec: ModelSpec, **shared: Any) -> Engine:
    """The engine of a model that is not trained here, with weights of its own if it has a path."""
    target = locate(spec.engine.get(TARGET))
    if not spec.path or "path" in parameters(target)[0]:
        return build_engine(name, spec, role=name, **loads_itself(spec), **shared)
    device, dtype = resolve_device(spec.device), resolve_dtype(spec)
    load = hf.load_classifier if getattr(target, "is_classifier", False) else hf.load_model
    model = load(spec.path, dtype=dtype, device=device)
    template = template_of(spec, hf.load_tokenizer(spec.path))
    return build_engine(name, spec, model=model, template=template)


def template_of(spec: ModelSpec, tokenizer: PreTrainedTokenizerBase) -> ChatTemplate:
    """The chat template of a model, verified."""
    return ChatTemplate(tokenizer, allow_rewrite=spec.allow_rewrite, options=spec.template_options)


def build_engine(name: str, spec: ModelSpec, **loaded: Any) -> Engine:
    """The engine ``spec`` names, given what is loaded already."""
    engine: Engine = build_component(spec.engine, f"models.{name}.engine", **loaded)
    return engine
