import pytest

from guerdon.cli import main
from guerdon.runs.store import RunStore
from guerdon.types import Episode, Reward, Task, Trajectory, Turn


def episode(name, reward, error=None):
    if error:
        return Episode(Task(name, ()), error=error)
    turn = Turn(
        ({"role": "user", "content": f"where is {name}?"},),
        {"role": "assistant", "content": "Left"},
        (2, 4),
        reward=0.5,
        finish_reason="length",
    )
    row = Trajectory(
        "policy",
        name,
        (turn,),
        (1, 2, 3, 4),
        (False, False, True, True),
        (0.0, 0.0, -1.0, -1.0),
        Reward(reward, {"right": reward}, "as the key says"),
    )
    return Episode(Task(name, ()), (row,))


@pytest.fixture
def run(tmp_path):
    store = RunStore.create(tmp_path / "run", "")
    store.write_metrics(0, {"eval/success": 0.1, "eval/success_low": 0.0, "eval/success_high": 0.2})
    store.write_episodes(1, [episode("first", 1.0)])
    store.write_episodes(2, [episode("good", 1.0), episode("bad", -1.0), episode("x", 0, "died")])
    store.write_episodes(2, [episode("held-out", 1.0)], part="eval")
    store.finish("completed")
    return str(tmp_path / "run")


def test_the_last_step_is_told_turn_by_turn(run, capsys):
    assert main(["show", run]) == 0
    printed = capsys.readouterr().out
    assert "step 0: held-out success 0.100 (0.00 to 0.20)" in printed
    assert "user: where is good?" in printed
    assert "  > Left [cut by length]   [+0.5]" in printed
    assert "= policy 1.5, right 1 (as the key says), completed, 2 of 4 tokens sampled" in printed
    assert "failed, and not counted: died" in printed


def test_a_step_the_number_of_episodes_and_evaluations_can_be_chosen(run, capsys):
    assert main(["show", run, "--step", "1"]) == 0
    assert "task first" in capsys.readouterr().out
    assert main(["show", run, "--worst", "-n", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("task bad") < printed.index("task x")
    assert "task good" not in printed
    assert main(["show", run, "--eval"]) == 0
    assert "task held-out" in capsys.readouterr().out


def test_a_step_that_is_not_there_is_a_mistake_that_names_those_that_are(run, capsys):
    assert main(["show", run, "--step", "7"]) == 2
    assert "has no episodes of step 7; it has 1 to 2" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_a_mistake(tmp_path, capsys):
    assert main(["show", str(tmp_path)]) == 2
    assert "is not a run directory" in capsys.readouterr().err
