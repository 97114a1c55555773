import sys

import pytest

from guerdon.config.build import build
from guerdon.config.schema import Run
from guerdon.errors import ConfigError


def test_tensorboard_gets_every_row(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    node = {"_target_": "guerdon.runs.trackers.TensorBoard"}
    tracker = build(node, run=Run(name="it", dir=str(tmp_path)))
    tracker.log(1, {"reward/mean": 0.25})
    tracker.log(2, {"reward/mean": 0.5})
    tracker.close()
    events = EventAccumulator(str(tmp_path / "it" / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("reward/mean")] == [(1, 0.25), (2, 0.5)]


@pytest.mark.parametrize(("name", "extra"), [("Wandb", "wandb"), ("Trackio", "trackio")])
def test_a_tracker_that_is_not_installed_says_what_to_install(name, extra, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, extra, None)
    node = {"_target_": f"guerdon.runs.trackers.{name}"}
    with pytest.raises(ConfigError, match=rf"pip install 'guerdon\[{extra}\]'"):
        build(node, run=Run(name="it", dir=str(tmp_path)))
