import json

import pytest

from guerdon.errors import CheckpointError
from guerdon.runs import task_file
from guerdon.tasks.origin import Origin, with_origin
from guerdon.types import Task

TASKS = [
    with_origin(
        Task(f"t{i}", ({"role": "user", "content": f"é\u2028{i}"},), None, "d", {"k": [1, None]}),
        Origin(score=0.5, parents=("a", "b"), step=3),
    )
    for i in range(3)
]


def test_tasks_come_back_as_they_were(tmp_path):
    path = tmp_path / task_file.NAME
    task_file.write(path, TASKS)
    assert task_file.read(path) == TASKS
    task_file.write(path, [])
    assert task_file.read(path) == []


def test_a_file_that_is_cut_another_version_or_none_is_refused(tmp_path):
    path = tmp_path / task_file.NAME
    task_file.write(path, TASKS)
    head, *lines = path.read_text().split("\n")
    path.write_text("\n".join([head, *lines[:2]]))
    with pytest.raises(CheckpointError, match="2 of 3 tasks: it was cut short"):
        task_file.read(path)
    path.write_text(json.dumps(json.loads(head) | {"version": 2}) + "\n")
    with pytest.raises(CheckpointError, match="version 2; this guerdon reads"):
        task_file.read(path)
    for text in ("", "[]\n", "{}\n", "no JSON\n"):
        path.write_text(text)
        with pytest.raises(CheckpointError, match="cannot be read"):
            task_file.read(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        task_file.read(tmp_path / "none.jsonl")
