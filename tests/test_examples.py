"""Recorded curves: each is whole, agrees with itself, and a run that differs is told where."""

import importlib.util
import json
from pathlib import Path

import pytest

from guerdon.config.compose import shipped

EXAMPLES = Path(__file__).parents[1] / "examples"
CURVES = sorted(EXAMPLES.glob("*/curve.json"))

spec = importlib.util.spec_from_file_location("compare", EXAMPLES / "compare.py")
compare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare)

CURVE = {
    "metrics": {
        "eval/success": {
            "steps": [0, 2],
            "window": 1,
            "tolerance": 0.1,
            "least_change": 0.3,
            "runs": [[0.1, 0.6], [0.2, 0.7]],
        }
    }
}


def run_of(*values):
    return {"eval/success": dict(enumerate(values))}


def test_a_run_between_the_recorded_ones_is_as_recorded():
    assert compare.differences(CURVE, run_of(0.15, 0.0, 0.65)) == []
    assert compare.differences(CURVE, run_of(0.29, 0.0, 0.79)) == []


def test_a_run_that_leaves_the_band_or_does_not_move_is_told_where():
    assert compare.differences(CURVE, run_of(0.1, 0.0, 0.9)) == [
        "eval/success at step 2 is 0.900, not 0.500 to 0.800"
    ]
    assert compare.differences(CURVE, run_of(0.29, 0.0, 0.55)) == [
        "eval/success moved by +0.260, less than +0.300"
    ]


def test_a_value_is_the_mean_of_the_steps_that_have_one_in_its_window():
    assert compare.smoothed({1: 1.0, 3: 2.0, 4: 6.0}, step=4, window=3) == 4.0
    assert compare.smoothed({1: 1.0, 3: 2.0, 4: 6.0}, step=4, window=10) == 3.0


def test_recording_writes_what_comparing_reads(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 0, "eval/success": 0.1}\n{"step": 2, "eval/success": 0.55557}\n'
    )
    (tmp_path / "summary.json").write_text('{"seed": 4}')
    found = compare.recorded(CURVE, [tmp_path])
    assert found["seeds"] == [4]
    assert found["metrics"]["eval/success"]["runs"] == [[0.1, 0.5556]]
    assert compare.differences(found, compare.read(tmp_path)) == []


@pytest.mark.parametrize("file", CURVES, ids=lambda file: file.parent.name)
def test_every_recorded_run_of_an_example_passes_its_own_comparison(file):
    curve = json.loads(file.read_text())
    assert curve["config"] in shipped() and curve["seeds"]
    for number, _ in enumerate(curve["seeds"]):
        table = {
            metric: dict(zip(band["steps"], band["runs"][number], strict=True))
            for metric, band in curve["metrics"].items()
        }
        single = {metric: {**band, "window": 1} for metric, band in curve["metrics"].items()}
        assert compare.differences(curve | {"metrics": single}, table) == []
