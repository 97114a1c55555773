import json

import pytest

from guerdon.errors import ConfigError
from guerdon.runs import reader
from guerdon.runs.store import RunStore
from guerdon.types import Episode, Task

EPISODES = [Episode(Task(f"t{i}", ()), metrics={"success": float(i)}) for i in range(3)]


@pytest.fixture
def store(tmp_path):
    store = RunStore.create(tmp_path / "run", "run: {name: run}\n")
    yield store
    store.finish("completed")


def test_a_new_run_says_what_it_is(store):
    run = reader.read_run(store.folder)
    assert run["status"] == "running"
    assert run["format"] == 1
    assert {"id", "created", "git", "command"} <= run.keys()


def test_metrics_and_episodes_are_read_back_in_order(store):
    store.write_metrics(1, {"reward/mean": 0.5})
    store.write_metrics(2, {"reward/mean": 0.75})
    store.write_episodes(2, EPISODES)
    assert reader.read_metrics(store.folder) == [
        {"step": 1, "reward/mean": 0.5},
        {"step": 2, "reward/mean": 0.75},
    ]
    assert list(reader.read_episodes(store.folder, 2)) == EPISODES


def test_a_metric_that_is_not_finite_is_null_and_named_in_the_log(store):
    store.write_metrics(1, {"loss/policy": float("nan")})
    assert reader.read_metrics(store.folder) == [{"step": 1, "loss/policy": None}]
    assert "loss/policy" in (store.folder / "log.txt").read_text()


def test_a_line_cut_short_by_a_kill_is_left_out(store):
    store.write_metrics(1, {"a": 1.0})
    with (store.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "a"')
    assert [row["step"] for row in reader.read_metrics(store.folder)] == [1]


def test_rewinding_forgets_everything_after_the_step(store):
    for step in (1, 2, 3):
        store.write_metrics(step, {"a": 1.0})
        store.write_episodes(step, EPISODES)
        store.write_episodes(step, EPISODES, part="eval")
        store.checkpoint_folder(step).mkdir()
    (store.folder / "checkpoints" / "step_000003.tmp").mkdir()
    store.write_summary({"after": 1})
    store.rewind(2)
    assert [row["step"] for row in reader.read_metrics(store.folder)] == [1, 2]
    assert [p.name for p in reader.checkpoints(store.folder)] == ["step_000001", "step_000002"]
    for part in ("episodes", "eval", "checkpoints"):
        names = sorted(path.name.split(".")[0] for path in (store.folder / part).iterdir())
        assert names == ["step_000001", "step_000002"]
    assert not (store.folder / "summary.json").exists()


def test_an_existing_run_is_an_error_that_names_three_ways_out(store):
    with pytest.raises(ConfigError, match=r"--resume .*run\.name.*run\.overwrite=true"):
        RunStore.create(store.folder, "")


def test_overwrite_replaces_a_run_but_never_another_folder(store, tmp_path):
    store.write_metrics(1, {"a": 1.0})
    RunStore.create(store.folder, "", overwrite=True).finish("completed")
    assert reader.read_metrics(store.folder) == []
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="not a run directory"):
        RunStore.create(precious, "", overwrite=True)
    assert (precious / "thesis.txt").exists()


def test_a_folder_that_cannot_be_written_is_a_config_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written.*run\.dir"):
        RunStore.create(tmp_path / "file" / "run", "")


def test_opening_something_else_says_so(tmp_path):
    with pytest.raises(ConfigError, match="not a run directory"):
        RunStore.open(tmp_path)


def test_finish_records_the_status(tmp_path):
    store = RunStore.create(tmp_path / "run", "")
    store.finish("interrupted")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
