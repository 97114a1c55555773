import json

import pytest

from guerdon.envs.self_play.code_tasks import CodeTasks
from guerdon.envs.self_play.problems import from_info
from guerdon.errors import ConfigError
from guerdon.tasks import TaskPool


def write(path, programs):
    rows = [
        {"snippet": f"def f(a):\n    return a + {n}", "input": "1", "output": str(n + 1)}
        for n in programs
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_without_files_there_is_an_invitation_and_the_identity_for_each_kind():
    sets = CodeTasks(kinds=["code_i", "code_o", "code_f", "code_e"]).load()
    assert sorted(task.domain for task in sets.train) == sorted(sets.weights)
    pool = TaskPool(sets.train, weights=sets.weights)
    dealt = {task.domain: task for task in pool.sample(8)}
    assert dealt["propose_code_f"].info["references"][0]["domain"] in ("code_i", "code_o")
    assert len(dealt["propose_code_o"].info["references"]) == 1
    assert from_info("", dealt["code_e"].info).outputs == ("NoError",)


def test_no_held_out_program_is_trained_on_in_any_kind(workshop, tmp_path):
    path = write(tmp_path / "seeds.jsonl", range(12))
    tasks = CodeTasks(kinds=["code_i", "code_o"], paths=[path], workshop=workshop, num_held_out=6)
    sets = tasks.load()
    held = {task.info["program"] for task in sets.held_out}
    assert len(sets.held_out) == 6 and len(held) == 3
    trained = [task for task in sets.train if "program" in task.info]
    assert len(trained) == 18 + 2 and held.isdisjoint(task.info["program"] for task in trained)
    assert sets.report.notes["good: the program gives the recorded output again"] == 12


def test_evaluation_files_are_held_out_and_what_they_hold_is_not_trained_on(workshop, tmp_path):
    seeds, evaluation = write(tmp_path / "s.jsonl", range(4)), write(tmp_path / "e.jsonl", [0, 9])
    sets = CodeTasks(
        kinds=["code_o"], paths=[seeds], eval_paths=[evaluation], workshop=workshop
    ).load()
    assert len(sets.held_out) == 2
    assert sum("program" in task.info for task in sets.train) == 3 + 1


def test_mistakes_are_named_together(tmp_path):
    with pytest.raises(ConfigError) as caught:
        CodeTasks(kinds=[], paths=["a"], propose_share=0.0, solve_share=-1.0)
    assert len(caught.value.problems) == 4
    missing = str(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match="need a workshop"):
        CodeTasks(eval_paths=[missing])


def test_a_missing_file_is_a_problem_before_anything_runs(workshop, tmp_path):
    tasks = CodeTasks(paths=[str(tmp_path / "none.jsonl")], workshop=workshop)
    assert "none.jsonl cannot be read" in tasks.problems()[0]
