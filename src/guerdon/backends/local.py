"""Everything in this process: engine and learner share one copy of the policy's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from guerdon import hf
from guerdon.config.build import build as build_component
from guerdon.config.schema import Config, ModelSpec
from guerdon.learner.learner import Learner
from guerdon.learner.models import PolicyModels
from guerdon.templates import ChatTemplate
from guerdon.types import Algorithm, Engine, Env, Message, Model, Models, derive_seed


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
    algorithm = build_component(config.algorithm)
    spec = config.models["policy"]
    loaded = PolicyModels.load(spec, config.learner.critic, algorithm)
    template = ChatTemplate(hf.load_tokenizer(spec.path))
    learner = Learner(
        loaded,
        algorithm,
        config.learner,
        tokenizer=template.tokenizer,
        total_steps=config.trainer.steps,
        pad_id=template.pad_id,
        seed=derive_seed(config.run.seed, "learner"),
    )
    policy = build_engine(spec, model=loaded.policy, template=template)
    others = {name: other for name, other in config.models.items() if name != "policy"}
    return Parts(
        models=_models(config, {"policy": policy} | {n: load_engine(s) for n, s in others.items()}),
        learner=learner,
        algorithm=algorithm,
        env=build_component(config.env),
        tasks=build_component(config.tasks),
        loaded=loaded,
        template=template,
    )


def load_models(config: Config, folder: Path) -> Models:
    """The models alone, for evaluation: nothing that only training needs."""
    config = resolve(config, folder)
    return _models(config, {name: load_engine(spec) for name, spec in config.models.items()})


def resolve(config: Config, folder: Path) -> Config:
    """The same configuration with a path for every model that ``init`` describes."""
    models = {}
    for name, spec in config.models.items():
        if spec.init is not None:
            path = folder / "init" / name
            if not (path / "config.json").exists():
                builder = build_component(spec.init)
                builder.save(path, seed=derive_seed(config.run.seed, "init", name) % 2**31)
            spec = replace(spec, path=str(path), init=None)
        models[name] = spec
    return replace(config, models=models)


def _models(config: Config, engines: Mapping[str, Engine]) -> Models:
    """Engines with their sampling, each with a seed of its own."""
    models = {}
    for name, engine in engines.items():
        model = Model(engine, config.models[name].sampling)
        models[name] = model.at(config.run.seed, name)
    return models


def load_engine(spec: ModelSpec) -> Engine:
    """The engine of a model that is not trained, with weights of its own where it needs any."""
    if not spec.path:
        engine: Engine = build_component(spec.engine)
        return engine
    dtype, device = placement(spec)
    model = hf.load_model(spec.path, dtype=dtype, device=device)
    return build_engine(spec, model=model, template=ChatTemplate(hf.load_tokenizer(spec.path)))


def build_engine(spec: ModelSpec, **weights: Any) -> Engine:
    """The engine ``spec`` names, given the loaded model and its template."""
    engine: Engine = build_component(spec.engine, **weights)
    return engine


def placement(spec: ModelSpec) -> tuple[torch.dtype, torch.device]:
    """What ``dtype: auto`` and ``device: auto`` mean on this machine."""
    device = spec.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = spec.dtype
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "bfloat16"
    return getattr(torch, dtype), torch.device(device)
