"""Do the examples still learn as they did? Trains each one and compares its curve with the record.

    python examples/compare.py                          every example, with a seed of its record
    python examples/compare.py self_play_arithmetic --run runs/self_play_arithmetic
    python examples/compare.py self_play_arithmetic --record runs/a runs/b runs/c

An example is a folder with a ``curve.json``: which configuration, which seeds, and of each metric
the values at some steps in each recorded run, a tolerance, and what it must have moved by at the
end. A new run must stay within the recorded runs, give or take the tolerance.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def main() -> int:
    """Compare, or record; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="examples; none: all")
    parser.add_argument("--run", type=Path, help="a finished run, instead of a new one")
    parser.add_argument("--record", type=Path, nargs="+", help="finished runs to record")
    given = parser.parse_args()
    names = given.names or sorted(file.parent.name for file in HERE.glob("*/curve.json"))
    if (given.run or given.record) and len(names) != 1:
        parser.error("name the one example that the runs are of")
    problems = []
    for name in names:
        file = HERE / name / "curve.json"
        curve = json.loads(file.read_text())
        if given.record:
            file.write_text(json.dumps(recorded(curve, given.record), indent=2) + "\n")
            continue
        found = differences(curve, read(given.run or trained(name, curve)))
        print(f"{name}: {'as recorded' if not found else 'differs'}")
        problems += [f"  {name}: {line}" for line in found]
    print("\n".join(problems), end="\n" if problems else "")
    return int(bool(problems))


def trained(name: str, curve: dict[str, Any]) -> Path:
    """A new run of the example, with the first of its seeds."""
    folder = Path(tempfile.mkdtemp(prefix="guerdon-example-"))
    command = [sys.executable, "-m", "guerdon", "train", "--config-name", curve["config"]]
    command += [f"run.dir={folder}", f"run.name={name}", f"run.seed={curve['seeds'][0]}"]
    subprocess.run([*command, *curve["overrides"]], check=True)
    return folder / name


def read(run: Path) -> dict[str, dict[int, float]]:
    """Each metric of a run by step."""
    found: dict[str, dict[int, float]] = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for metric, value in row.items():
            if isinstance(value, int | float):
                found.setdefault(metric, {})[row["step"]] = value
    return found


def smoothed(values: dict[int, float], step: int, window: int) -> float:
    """The mean over the last ``window`` steps up to ``step`` that have a value."""
    near = [value for at, value in values.items() if step - window < at <= step]
    return sum(near) / len(near)


def recorded(curve: dict[str, Any], runs: list[Path]) -> dict[str, Any]:
    """The same record with the values of these runs."""
    tables = [read(run) for run in runs]
    seeds = [json.loads((run / "summary.json").read_text())["seed"] for run in runs]
    for metric, band in curve["metrics"].items():
        band["runs"] = [
            [round(smoothed(table[metric], step, band["window"]), 4) for step in band["steps"]]
            for table in tables
        ]
    return curve | {"seeds": seeds}


def differences(curve: dict[str, Any], table: dict[str, dict[int, float]]) -> list[str]:
    """One line for each place where a run leaves the band, or has not moved enough."""
    lines = []
    for metric, band in curve["metrics"].items():
        values = [smoothed(table[metric], step, band["window"]) for step in band["steps"]]
        columns = zip(band["steps"], values, zip(*band["runs"], strict=True), strict=True)
        for step, value, known in columns:
            low, high = min(known) - band["tolerance"], max(known) + band["tolerance"]
            if not low <= value <= high:
                lines.append(f"{metric} at step {step} is {value:.3f}, not {low:.3f} to {high:.3f}")
        moved = values[-1] - values[0]
        least = band["least_change"]
        if moved * (1 if least >= 0 else -1) < abs(least):
            lines.append(f"{metric} moved by {moved:+.3f}, less than {least:+.3f}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
