"""Every YAML that comes with guerdon composes, passes check and builds."""

import json

import pytest

from guerdon.config.build import build
from guerdon.config.check import examine
from guerdon.config.compose import SHIPPED, compose, shipped
from guerdon.config.fields import MISSING
from guerdon.tiny import TinyPolicy
from guerdon.types import Algorithm, Env


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Values for what a shipped configuration leaves to the user."""
    folder = tmp_path_factory.mktemp("given")
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(folder / "model")
    rows = [{"question": f"What is {n} + {n}?", "answer": f"#### {2 * n}"} for n in range(20)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"models.policy.path": folder / "model", "tasks.path": folder / "tasks.jsonl"}


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    """Shipped configurations take keys from the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def at(values, path):
    """The value at a dotted path; None where there is none."""
    for part in path.split("."):
        values = values.get(part, {}) if isinstance(values, dict) else {}
    return values or None


def overrides(name, given, tmp_path):
    asked = (SHIPPED / f"{name}.yaml").read_text().count("???")
    values = compose(name)
    found = [f"{path}='{value}'" for path, value in given.items() if at(values, path) == MISSING]
    assert len(found) == asked, f"{name}.yaml asks for a value this test does not know"
    return [*found, f"run.dir='{tmp_path}'"]


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_configuration_passes_check_and_builds(name, given, tmp_path):
    report, _ = examine(name, overrides(name, given, tmp_path))
    assert report.problems == [] and report.warnings == []
    assert report.config is not None
    assert isinstance(build(report.config.env, "env"), Env)
    assert isinstance(build(report.config.algorithm, "algorithm"), Algorithm)


@pytest.mark.parametrize("option", sorted(file.stem for file in SHIPPED.glob("algorithm/*.yaml")))
def test_every_algorithm_option_joins_the_math_configuration(option, given, tmp_path):
    lines = [*overrides("grpo_math", given, tmp_path), f"algorithm={option}"]
    report, _ = examine("grpo_math", lines)
    assert report.problems == []
    assert report.config is not None
    assert isinstance(build(report.config.algorithm, "algorithm"), Algorithm)
