import json

import pytest

from guerdon.data import files
from guerdon.data.files import TaskFile
from guerdon.data.rows import prompt_key_of
from guerdon.errors import ConfigError
from guerdon.tasks import TaskSource


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def numbered(count, start=0):
    return [{"question": f"{i}+{i}?", "answer": str(2 * i)} for i in range(start, start + count)]


def asked(tasks):
    return {prompt_key_of(task) for task in tasks}


def characters(messages):
    return sum(len(message["content"]) for message in messages)


def test_a_file_gives_training_tasks_in_its_order_and_a_tenth_held_out(tmp_path):
    source = TaskFile(path=write(tmp_path / "a.jsonl", numbered(50)))
    sets = source.load()
    assert isinstance(source, TaskSource)
    assert (len(sets.train), len(sets.held_out)) == (45, 5)
    assert not asked(sets.train) & asked(sets.held_out)
    questions = [int(task.prompt[0]["content"].split("+")[0]) for task in sets.train]
    assert questions == sorted(questions)
    assert sets.report.lines() == [
        f"{tmp_path / 'a.jsonl'}: 50 rows, 45 tasks to train on, 5 held out"
    ]


def test_what_is_held_out_depends_on_content_alone(tmp_path):
    records = numbered(40)
    first = TaskFile(path=write(tmp_path / "a.jsonl", records), num_held_out=3).load()
    again = TaskFile(path=write(tmp_path / "b.jsonl", records[::-1]), num_held_out=3, seed=4).load()
    assert first.held_out == again.held_out
    assert len(first.held_out) == 3


def test_rows_that_ask_the_same_are_never_on_both_sides(tmp_path):
    records = [r | {"id": f"{n}-{i}"} for n in range(3) for i, r in enumerate(numbered(20))]
    sets = TaskFile(path=write(tmp_path / "a.jsonl", records)).load()
    assert (len(sets.train), len(sets.held_out)) == (54, 6)
    assert not asked(sets.train) & asked(sets.held_out)
    assert sets.report.notes[files.SAME_PROMPT] == 40


@pytest.mark.parametrize(("count", "wanted", "held"), [(1, 200, 0), (5, 200, 1), (5, 0, 0)])
def test_small_files_hold_out_little(tmp_path, count, wanted, held):
    path = write(tmp_path / "a.jsonl", numbered(count))
    sets = TaskFile(path=path, num_held_out=wanted).load()
    assert (len(sets.train), len(sets.held_out)) == (count - held, held)


def test_duplicates_are_left_out_and_counted(tmp_path):
    sets = TaskFile(path=write(tmp_path / "a.jsonl", numbered(10) + numbered(4))).load()
    assert len(sets.train) + len(sets.held_out) == 10
    assert sets.report.num_rows == 14
    assert sets.report.notes[files.DUPLICATE] == 4


def test_an_id_of_two_different_tasks_is_a_malformed_row(tmp_path):
    records = [{"id": 1, "prompt": "a"}, {"id": 1, "prompt": "b"}, {"id": 1, "prompt": "a"}]
    source = TaskFile(path=write(tmp_path / "a.jsonl", records))
    assert "a.jsonl:2: the id '1' is that of another task, a.jsonl:1" in source.problems()[1]
    assert len(source.problems()) == 2


def test_training_tasks_that_the_evaluation_file_asks_are_left_out_and_counted(tmp_path):
    path = write(tmp_path / "a.jsonl", numbered(10))
    shifted = [{"question": f" {i}+{i}? ", "answer": "other"} for i in (3, 4, 99)]
    sets = TaskFile(path=path, eval_path=write(tmp_path / "b.jsonl", shifted)).load()
    assert (len(sets.train), len(sets.held_out)) == (8, 3)
    assert not asked(sets.train) & asked(sets.held_out)
    assert sets.report.notes[files.OVERLAP] == 2
    assert sets.report.num_rows == 13


def test_evaluating_on_the_training_data_is_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", numbered(4))
    assert "is also the data to train on" in TaskFile(path=path, eval_path=path).problems()[0]
    copy = write(tmp_path / "b.jsonl", numbered(4))
    assert "every task is also in" in TaskFile(path=path, eval_path=copy).problems()[0]


def test_prompts_over_the_limit_are_left_out_and_counted(tmp_path):
    records = [{"prompt": "x" * length} for length in range(1, 31)]
    source = TaskFile(path=write(tmp_path / "a.jsonl", records), max_prompt_tokens=20)
    sets = source.load(characters)
    kept = [characters(task.prompt) for task in [*sets.train, *sets.held_out]]
    assert sorted(kept) == list(range(1, 21))
    assert sets.report.notes[files.TOO_LONG] == 10


def test_a_limit_no_prompt_meets_names_the_shortest(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"prompt": "xxxx"}, {"prompt": "xxxxx"}])
    source = TaskFile(path=path, max_prompt_tokens=3, num_held_out=0)
    with pytest.raises(ConfigError, match="max_prompt_tokens=3 tokens; the shortest has 4"):
        source.load(characters)
    assert source.problems() == []
    with pytest.raises(ConfigError, match="needs a tokenizer"):
        source.load()


def test_limit_takes_the_first_rows_or_shuffled_ones(tmp_path):
    path = write(tmp_path / "a.jsonl", numbered(20))

    def questions(**fields):
        sets = TaskFile(path=path, num_held_out=0, limit=5, **fields).load()
        assert sets.report.notes[files.OVER_LIMIT] == 15
        return [task.prompt[0]["content"] for task in sets.train]

    assert questions() == [f"{i}+{i}?" for i in range(5)]
    assert questions(shuffle=True) == questions(shuffle=True) != questions()
    assert questions(shuffle=True, seed=1) != questions(shuffle=True)


def test_malformed_rows_of_both_files_are_reported_at_once(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "a"}\n{"prompt": \n{"x": 1}\n')
    source = TaskFile(path=str(tmp_path / "a.jsonl"), eval_path=str(tmp_path / "none.jsonl"))
    with pytest.raises(ConfigError) as caught:
        source.load()
    problems = caught.value.problems
    assert problems == source.problems()
    assert "2 of 3 rows are malformed" in problems[0]
    assert "a.jsonl:2: not JSON" in problems[1]
    assert "a.jsonl:3: no prompt: set prompt_key to one of its keys: x" in problems[2]
    assert "none.jsonl: no such file" in problems[3]


def test_tolerated_malformed_rows_are_counted_loudly(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "a"}\nnonsense\n{"prompt": "b"}\n')
    sets = TaskFile(path=str(tmp_path / "a.jsonl"), max_bad_rows=1, num_held_out=0).load()
    assert len(sets.train) == 2
    assert "  WARNING: 1 malformed rows skipped, such as:" in sets.report.lines()
    assert sets.report.bad_rows[0].startswith("a.jsonl:2: not JSON")


def test_impossible_settings_are_all_named():
    with pytest.raises(ConfigError) as caught:
        TaskFile(path="a", num_held_out=-1, limit=0, max_bad_rows=-2, max_prompt_tokens=0)
    assert len(caught.value.problems) == 4


def test_row_format_fields_apply_to_the_evaluation_file_too(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"context": "Q?", "ref": "1"}])
    other = write(tmp_path / "b.jsonl", [{"context": "R?", "ref": "2"}])
    source = TaskFile(
        path=path, eval_path=other, prompt_key="context", answer_key="ref", domain="drop"
    )
    (train,), (held_out,) = source.load().train, source.load().held_out
    assert (train.answer, train.domain, held_out.answer) == ("1", "drop", "2")
