"""What the shipped judges and verifiers withstand when their model does not: one JSON line.

    python benchmarks/stress_presets.py [--table]

`guerdon reward stress` on every preset, with a model behind a server that is gullible on purpose:
to it everything is right but a plain wrong answer. So what a preset does not block before its model
must be reported. ``--table`` prints the table of docs/trust.md: attacks blocked / held / without a
reward / fooled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from math import log
from pathlib import Path

from guerdon.cli.reward_setup import open_reward
from guerdon.config.compose import SHIPPED
from guerdon.engines.closing import then_close
from guerdon.llm.answers import Answer
from guerdon.llm.asks import Ask
from guerdon.llm.testing import ScriptedServer
from guerdon.rewards.sealed import unseal
from guerdon.tiny import TinyPolicy
from guerdon.trust.attacks import FAMILIES
from guerdon.trust.stress import PROBLEMS, Outcome, Stress, stress

VERIFIERS = tuple(sorted(path.stem for path in (SHIPPED / "verifier").glob("*.yaml")))
RUBRICS = tuple(sorted(path.stem for path in (SHIPPED / "judge").glob("*.yaml")))
PRESETS = (*VERIFIERS, *RUBRICS)
WRONG = {problem.wrong for problem in PROBLEMS}

_FAMILIES = (*FAMILIES, "prefix")
_SHOWN = re.compile(r"(?:Student Answer|Given answer): (.*?)\n\n", re.DOTALL)
_BEST = re.compile(r"number from \S+ to (\S+) and nothing else")


def verifier(ask: Ask) -> Answer:
    """A verdict in the form of every shipped verifier, and how sure it is."""
    found = _SHOWN.findall(ask.text)
    assert found, ask.text
    words = (" No", " Yes") if found[-1].strip() in WRONG else (" Yes", " No")
    sure = tuple(zip(words, (log(0.98), log(0.02)), strict=True))
    pieces = ("Final Decision:", words[0], "\nVerdict:", words[0])
    return Answer(
        "".join(pieces),
        pieces=pieces,
        logprobs=(0.0, log(0.98)) * 2,
        likeliest=((("Final Decision:", 0.0),), sure, (("\nVerdict:", 0.0),), sure),
    )


def judge(ask: Ask) -> str:
    """A verdict in the form that is asked for."""
    shown = unseal(ask.text)
    code = ask.text.split("\n", 1)[0].removesuffix(".").rpartition(" ")[2]
    is_right = {
        name.rpartition("_")[2]: text.strip() not in WRONG
        for name, text in shown.items()
        if name.startswith("response")
    }
    if "response" in is_right:
        best = _BEST.search(ask.text)
        assert best, ask.text
        verdict = best[1] if is_right["response"] else "0" if best[1] == "1" else "1"
    else:
        verdict = _preferred(is_right)
    return f"So be it. <verdict-{code}>{verdict}</verdict-{code}>"


def _preferred(is_right: dict[str, bool]) -> str:
    """Which of two responses is better, as a pair's or a list's judge says it."""
    first, second = is_right
    if "1" in is_right:
        return "tie" if len(set(is_right.values())) == 1 else first if is_right[first] else second
    if len(set(is_right.values())) == 1:
        return f"{first} = {second}"
    return f"{first} > {second}" if is_right[first] else f"{second} > {first}"


def settings_of(preset: str, folder: Path) -> tuple[str, list[str]]:
    """The reward of a preset and its settings; a verifier's tokenizer lies in ``folder``."""
    if preset == "general_reasoner":
        return preset, [f"reward.tokenizer='{folder}'"]
    if preset in VERIFIERS:
        return preset, []
    kind = {"pairwise": "ranking.Tournament", "listwise": "ranking.Listwise"}.get(
        preset, "judge.Judge"
    )
    return f"guerdon.rewards.{kind}", [f"reward.rubric={preset}"]


def attacked(preset: str, folder: Path, *more: str) -> Stress:
    """What came of attacking a preset, with further settings, over a gullible server."""
    role = "verifier" if preset in VERIFIERS else "judge"
    script: Callable[[Ask], str | Answer] = verifier if role == "verifier" else judge
    reward, own = settings_of(preset, folder)
    with ScriptedServer(script, remember=False) as server:
        settings = [*own, *more, *asked_at(server.url, role)]
        with open_reward(reward, settings, None, None) as setup:
            return asyncio.run(then_close(stress(setup.reward, setup.models), setup.models))


def asked_at(url: str, role: str) -> list[str]:
    """Settings that make the model of a role one behind a scripted server."""
    engine = f"models.{role}.engine"
    return [
        f"{engine}._target_=guerdon.engines.remote.RemoteEngine", f"{engine}.model=scripted",
        f"{engine}.base_url={url}", f"{engine}.price=free",
        f"models.{role}.sampling.temperature=0.0",
    ]  # fmt: skip


def by_family(found: Stress) -> dict[str, Counter[Outcome]]:
    """Outcomes of each family of attacks."""
    counts: dict[str, Counter[Outcome]] = {name: Counter() for name in _FAMILIES}
    for attempt in found.attempts:
        counts[attempt.family][attempt.outcome] += 1
    return counts


def table(found: dict[str, Stress]) -> list[str]:
    """Markdown: a line for each family, a column for presets of which the same became."""
    columns: dict[tuple[str, ...], list[str]] = {}
    for name, one in found.items():
        counts = by_family(one)
        cells = [_cell(counts[family]) for family in _FAMILIES]
        columns.setdefault((*cells, _cell(one.counts)), []).append(name)
    heads = [", ".join(names) for names in columns.values()]
    rows = zip((*_FAMILIES, "all"), *columns, strict=True)
    lines = [["Family", *heads], ["---"] * (len(heads) + 1), *map(list, rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(counts: Counter[Outcome]) -> str:
    return " / ".join(str(counts[outcome]) for outcome in Outcome)


def main() -> None:
    """Attack every preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", help="these only")
    parser.add_argument("--table", action="store_true", help="print the tables of docs/trust.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(scratch)
        found = {name: attacked(name, Path(scratch)) for name in options.presets or PRESETS}
        if not options.presets:
            lowest = attacked("quality", Path(scratch), "reward.suspicious=lowest")
            found["quality with suspicious: lowest"] = lowest
    if options.table:
        print("\n".join(table(found)))
    print(json.dumps({name: dict(one.counts) for name, one in found.items()}))


if __name__ == "__main__":
    main()
