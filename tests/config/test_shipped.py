"""Every YAML that comes with guerdon composes, passes check and builds."""

import json

import pytest
import yaml

from guerdon.config.build import build
from guerdon.config.check import examine
from guerdon.config.compose import SHIPPED, shipped
from guerdon.config.fields import join, placeholders
from guerdon.data.sets.record import Record
from guerdon.tiny import TinyPolicy
from guerdon.types import Algorithm, Env


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Values for what a shipped configuration leaves to the user."""
    folder = tmp_path_factory.mktemp("given")
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(folder / "model")
    rows = []
    for n in range(20):
        asked, answer = f"What is {n} + {n}?", f"#### {2 * n}"
        said = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        rows.append({"question": asked, "prompt": asked, "answer": answer, "messages": said})
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for split, first in (("train", 0), ("test", 10)):
        lines = [json.dumps(record(domain, n).to_json()) for n in range(first, first + 10)
                 for domain in ("math", "qa", "code")]  # fmt: skip
        (folder / f"{split}_records.jsonl").write_text("\n".join(lines))
    return {
        "models.policy.path": folder / "model",
        "models.verifier.path": folder / "model",
        "tasks.path": folder / "tasks.jsonl",
    }


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    """Shipped configurations take keys from the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def record(domain, number):
    """A row of the public data sets, as `guerdon data process` writes it."""
    test = f"def check(candidate):\n    assert candidate({number})\n"
    code = {"entry_point": "f", "test": test, "hidden_test": test}
    return Record(
        id=f"{domain}/{number}",
        dataset=domain,
        domain=domain,
        question=f"{domain} {number}?",
        reference_answer=str(number),
        answer_type="text",
        **(code if domain == "code" else {}),
    )


def overrides(name, given, tmp_path):
    if name == "six_datasets_tiny":
        folder = given["tasks.path"].parent
        given = {
            "tasks.path": folder / "train_records.jsonl",
            "tasks.eval_path": folder / "test_records.jsonl",
        }
    values = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())
    asked = [join("", *problem.loc) for problem in placeholders(values)]
    assert set(asked) <= given.keys(), f"{name}.yaml asks for a value this test does not know"
    return [*(f"{path}='{given[path]}'" for path in asked), f"run.dir='{tmp_path}'"]


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


@pytest.mark.parametrize("option", sorted(file.stem for file in SHIPPED.glob("verifier/*.yaml")))
def test_every_verifier_option_joins_the_verifier_configuration(option, given, tmp_path):
    place = "verifier@env.reward.parts.verifier"
    lines = [*overrides("verifier_grpo", given, tmp_path), f"{place}={option}"]
    report, _ = examine("verifier_grpo", lines)
    assert report.problems == []
    assert report.config is not None
    assert isinstance(build(report.config.env, "env"), Env)
