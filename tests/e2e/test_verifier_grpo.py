"""A verifier made here teaches a policy, in process or behind a server."""

import asyncio
import importlib.util
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

import vllm_double
from guerdon.backends import local
from guerdon.cli.serve import load as load_served
from guerdon.config.build import build
from guerdon.config.check import load
from guerdon.llm.server import BackgroundServer
from guerdon.llm.wire import build_app
from guerdon.rewards.verifier import Verifier
from guerdon.runs import reader
from guerdon.train import loop
from guerdon.train.display import Display
from guerdon.types import Reward, Task

SCRIPT = Path(__file__).parents[2] / "examples" / "tiny_verifier.py"


@pytest.fixture(scope="module")
def tiny() -> ModuleType:
    """The script that makes the verifier."""
    spec = importlib.util.spec_from_file_location("tiny_verifier", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it made."""
    made = tmp_path_factory.mktemp("tiny")
    tiny.main(made)
    return made


def configured(folder: Path, *overrides: str) -> tuple[Any, dict[str, Any]]:
    paths = (f"models.verifier.path='{folder}/verifier'", f"tasks.path='{folder}/train.parquet'")
    return load("verifier_grpo", [*paths, f"run.dir='{folder}/runs'", *overrides])


def verdicts(
    folder: Path, pairs: list[tuple[Task, str]], *overrides: str, **fields: Any
) -> list[Reward]:
    """What the verifier of a configuration, with other fields, says of all pairs at once."""
    config, _ = configured(folder, *overrides)
    models = local.load_models(config, folder / "scratch")
    reward = build(config.env, "env").reward.parts["verifier"]
    assert isinstance(reward, Verifier)
    reward = replace(reward, **fields)

    async def run() -> list[Reward]:
        found = await asyncio.gather(*(reward(task, said, models) for task, said in pairs))
        if hasattr(models["verifier"].engine, "close"):
            await models["verifier"].engine.close()
        return found

    return asyncio.run(run())


@pytest.fixture(scope="module")
def pairs(tiny: ModuleType) -> list[tuple[Task, str]]:
    """Answers to judge, in digits and in words, right and wrong, some missing."""
    found = []
    for number, (question, answer) in enumerate(tiny.questions()):
        at = tiny.DIGITS.index(answer)
        at = at if number % 2 else (at + number // 2) % len(tiny.DIGITS)
        said = tiny.ROMAN[at] if number % 3 == 0 else tiny.DIGITS[at]
        response = "I do not know" if number % 17 == 0 else rf"so \boxed{{{said}}}"
        found.append(
            (Task(str(number), ({"role": "user", "content": question},), answer), response)
        )
    return found[:53]  # a prime: no batch size divides it


def is_right(tiny: ModuleType, task: Task, response: str) -> bool:
    said = response.partition("{")[2].rstrip("}")
    assert task.answer is not None
    return said in (task.answer, tiny.ROMAN[tiny.DIGITS.index(task.answer)])


def test_the_tiny_verifier_tells_equal_answers_from_others(tiny, folder, pairs) -> None:
    found = verdicts(folder, pairs)
    wrong = [
        said
        for (task, said), reward in zip(pairs, found, strict=True)
        if reward.value != is_right(tiny, task, said)
    ]
    assert len(wrong) <= 2, wrong


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[list[str]]:
    """Overrides that ask the same verifier behind `guerdon serve`."""
    app = build_app(load_served(str(folder / "verifier"), device="cpu"), "tiny")
    with BackgroundServer(app) as server:
        engine = {
            "_target_": "guerdon.engines.remote.RemoteEngine",
            "model": "tiny",
            "base_url": server.url,
            "price": "free",
        }
        yield [
            "models.verifier.path=null",
            *(f"models.verifier.engine.{key}={value}" for key, value in engine.items()),
        ]


def test_behind_a_server_not_one_verdict_is_another(folder, pairs, served) -> None:
    assert verdicts(folder, pairs, *served) == verdicts(folder, pairs)


def test_in_vllm_not_one_verdict_is_another(folder, pairs, tmp_path) -> None:
    """A double of vLLM, which serves the model by our own engine: the way there is the same."""
    engine = {
        "_target_": "guerdon.engines.vllm.VllmEngine",
        "executable": vllm_double.install(tmp_path),
        "+env.VLLM_DOUBLE": "model",
    }
    other = [
        f"{'+' * key.startswith('+')}models.verifier.engine.{key.lstrip('+')}={value}"
        for key, value in engine.items()
    ]
    assert verdicts(folder, pairs, *other) == verdicts(folder, pairs)


def test_behind_a_server_p_yes_is_the_same(folder, pairs, served) -> None:
    """Also where the verifier is unsure: by half of its letters, nobody knows what it would say."""
    unsure = [(task, said.replace("I", "II")) for task, said in pairs]
    both = [*pairs, *unsure]
    ours, theirs = (
        [reward.value for reward in verdicts(folder, both, *where, soft=True, unparsed="wrong")]
        for where in ((), served)
    )
    assert theirs == pytest.approx(ours, abs=1e-4)
    assert sum(0.001 < value < 0.999 for value in ours) >= 5
    assert min(ours) < 0.01 and max(ours) > 0.99


def test_reward_and_rule_accuracy_rise_under_the_verifier(folder) -> None:
    config, values = configured(folder, "trainer.steps=60", "trainer.eval_every=60")
    outcome = loop.train(config, values, display=Display(Console(file=io.StringIO())))
    rows = reader.read_metrics(outcome.folder)
    steps = [row for row in rows if "reward/mean" in row]
    # an answer it never saw may leave so small a verifier without a verdict: an error, not a 0
    assert sum(row["rollout/errors"] for row in steps) < 0.01 * 60 * 16 * 8
    for name in ("reward/mean", "reward/part/verifier/yes", "reward/part/rule"):
        before, after = (fmean(row[name] for row in part) for part in (steps[:10], steps[-10:]))
        assert after > before + 0.15, (name, before, after)
    first, *_, last = (row for row in rows if "eval/reward" in row)
    assert last["eval/part/rule"] > first["eval/part/rule"]
    assert last["eval/part/verifier"] > first["eval/part/verifier"]
