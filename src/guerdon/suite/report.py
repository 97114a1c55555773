"""The suite's results as JSON, as a table and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from guerdon.suite.play import POLICY, Suite, programs_of
from guerdon.suite.results import difference, pooled, to_json


def write(suite: Suite, folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``report.json``, ``report.md`` and ``report.png``; returns the JSON.

    Args:
        about: what was evaluated: model, checkpoint, executor, rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = summary(suite, about)
    (folder / "report.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(table(record), encoding="utf-8")
    draw(record, folder / "report.png")
    return record


def summary(suite: Suite, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything as JSON has it."""
    methods = {
        method: {
            "datasets": {name: to_json(one) for name, one in found.items()},
            "mean": pooled(list(found.values())) if found else {},
        }
        for method, found in suite.results.items()
    }
    against = {}
    for method, found in suite.results.items():
        if method != POLICY and POLICY in suite.results:
            ours = suite.results[POLICY]
            against[method] = {
                name: difference(ours[name], found[name]) for name in found if name in ours
            }
    return {
        **about,
        "methods": methods,
        "policy_minus": against,
        "best_fixed": {
            domain: {"name": suite.best_fixed[domain], "workflow": program}
            for domain, program in programs_of(suite.best_fixed).items()
        },
        "failures": suite.failures,
    }


def table(record: Mapping[str, Any]) -> str:
    """The report as Markdown: scores with intervals, then what they took."""
    methods = record["methods"]
    names = list(dict.fromkeys(n for one in methods.values() for n in one["datasets"]))
    lines = [f"# {record.get('model', 'baselines')}: score in percent (95 % interval)", ""]
    lines += _rows(["method", *names, "mean"], [
        [method, *(_score(one["datasets"].get(n)) for n in names), _percent(one["mean"], "score")]
        for method, one in methods.items()
    ])  # fmt: skip
    lines += ["", "Mean over data sets of what it took:", ""]
    lines += _rows(["method", "valid", "executed", "calls", "USD per problem"], [
        [method, _percent(one["mean"], "valid"), _percent(one["mean"], "executed"),
         f"{one['mean']['calls']:.2f}", f"{one['mean']['usd']:.6f}"]
        for method, one in methods.items() if one["mean"]
    ])  # fmt: skip
    if record["best_fixed"]:
        lines += ["", "Best fixed workflow, chosen on training rows:", ""]
        lines += [f"- {d}: {one['name']}: `{one['workflow']}`" for d, one in
                  record["best_fixed"].items()]  # fmt: skip
    rows = record.get("rows", {})
    lines += ["", "Rows: " + ", ".join(f"{name} {count}" for name, count in rows.items()) + "."]
    if record.get("missing"):
        lines += ["", f"Not here: {', '.join(record['missing'])}."]
    lines += [f"- no result: {line}" for line in record["failures"]]
    return "\n".join(lines) + "\n"


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Scores as bars, a group for each data set, with their intervals."""
    from matplotlib.figure import Figure  # no pyplot: no display, no global state

    methods = record["methods"]
    names = list(dict.fromkeys(n for one in methods.values() for n in one["datasets"]))
    figure = Figure(figsize=(2 + 1.4 * len(names), 4), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(methods))
    for number, (method, one) in enumerate(methods.items()):
        found = [(at, one["datasets"][n]) for at, n in enumerate(names) if n in one["datasets"]]
        places = [at + (number - (len(methods) - 1) / 2) * width for at, _ in found]
        heights = [each["score"] for _, each in found]
        spread = [[each["score"] - each["low"] for _, each in found],
                  [each["high"] - each["score"] for _, each in found]]  # fmt: skip
        axes.bar(places, heights, width, yerr=spread, label=method, error_kw={"linewidth": 0.8})
    axes.set_xticks(range(len(names)), names)
    axes.set(ylim=(0, 1.05), ylabel="score", title=str(record.get("model", "")))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8, ncols=2)
    figure.savefig(path, dpi=120)


def _rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def _score(one: Mapping[str, float] | None) -> str:
    if one is None:
        return "-"
    return f"{100 * one['score']:.1f} ({100 * one['low']:.0f} to {100 * one['high']:.0f})"


def _percent(one: Mapping[str, float], name: str) -> str:
    return f"{100 * one[name]:.1f}" if name in one else "-"
