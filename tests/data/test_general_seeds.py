"""Seeds of general self-play: three sets in their original formats, or questions of our own."""

import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.data.general_seeds import GeneralSeeds
from guerdon.errors import ConfigError
from guerdon.tasks import TaskSource

SHARED = Path(__file__).parents[3] / "shared" / "data"
MATH = [
    {"problem": f"What is {n}+{n}?", "level": f"Level {n % 2}", "type": "Algebra",
     "solution": rf"It is $\boxed{{{2 * n}}}$."}
    for n in range(20)
]  # fmt: skip
HUMANEVAL = [
    {"task_id": f"HumanEval/{n}", "prompt": f'def f{n}(x):\n    """Add {n}."""\n',
     "canonical_solution": f"    return x + {n}\n", "test": "", "entry_point": f"f{n}"}
    for n in range(20)
]  # fmt: skip
MT_BENCH = [
    {"question_id": n, "category": f"kind{n % 4}", "turns": [f"Write {n}.", "Again."]}
    | ({"reference": [f"{n}!", "more"]} if n % 2 else {})
    for n in range(20)
]


def write(folder, name, rows):
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


@pytest.fixture
def files(tmp_path):
    return {
        "math": write(tmp_path, "math.json", MATH),
        "humaneval": write(tmp_path, "HumanEval.jsonl", HUMANEVAL),
        "mt_bench": write(tmp_path, "question.jsonl", MT_BENCH),
    }


def test_the_sets_have_equal_shares_and_each_is_spread_over_its_kinds(files):
    source = GeneralSeeds(**files, num_seeds=25, num_held_out=0)
    assert isinstance(source, TaskSource) and source.problems() == []
    tasks = source.load().train
    assert sorted(Counter(task.domain for task in tasks).values()) == [8, 8, 9]
    kinds = Counter(task.info["kind"] for task in tasks if task.domain == "mt_bench")
    assert set(kinds.values()) == {2}
    levels = Counter(task.info["kind"] for task in tasks if task.domain == "math")
    assert len(levels) == 2 and max(levels.values()) - min(levels.values()) <= 1


def test_what_is_known_of_a_right_answer_comes_along(files):
    tasks = {
        task.prompt[0]["content"]: task for task in GeneralSeeds(**files, num_seeds=30).load().train
    }
    by_set = {task.domain: task for task in tasks.values()}
    assert by_set["math"].answer.startswith("It is $\\boxed{")
    assert by_set["humaneval"].prompt[0]["content"].startswith("Complete this Python function.")
    assert "return x +" in by_set["humaneval"].answer
    asked = [task for task in tasks.values() if task.domain == "mt_bench"]
    assert {task.answer is None for task in asked} == {True, False}
    assert all(task.prompt[0]["content"].startswith("Write ") for task in asked)


def test_the_draw_depends_on_the_seed_and_held_out_questions_are_no_seeds(files):
    def drawn(seed, num_seeds=20):
        sets = GeneralSeeds(**files, num_seeds=num_seeds, num_held_out=9, seed=seed).load()
        return [t.id for t in sets.train], [t.id for t in sets.held_out]

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1, 10)[1] == drawn(1)[1]
    train, held_out = drawn(1)
    assert len(held_out) == 9 and not set(train) & set(held_out)


def test_a_row_of_another_format_is_named_by_file_and_line(files, tmp_path):
    files["mt_bench"] = write(tmp_path, "other.jsonl", [*MT_BENCH, {"category": "x"}])
    source = GeneralSeeds(**files)
    assert any("other.jsonl:21" in line for line in source.problems())
    with pytest.raises(ConfigError, match=r"other\.jsonl"):
        source.load()


def test_a_missing_file_is_an_error_and_no_reason_for_questions_of_our_own(files):
    files["math"] = files["math"].replace("math.json", "maths.json")
    with pytest.raises(ConfigError, match=r"maths\.json: no such file"):
        GeneralSeeds(**files).load()


def test_a_set_the_hub_does_not_give_is_replaced_loudly_or_refused(files):
    files["math"] = "nobody/no-such-set"
    sets = GeneralSeeds(**files, num_seeds=30).load()
    assert Counter(task.domain for task in sets.train)["starter"] == 10
    assert any(
        "WARNING: questions of our own stand in for math" in line for line in sets.report.lines()
    )
    with pytest.raises(ConfigError, match="nobody/no-such-set"):
        GeneralSeeds(**files, starter="never").load()


def test_without_any_set_all_seeds_are_our_own():
    sets = GeneralSeeds(starter="only", num_seeds=50, num_held_out=10).load()
    assert (len(sets.train), len(sets.held_out)) == (50, 10)
    assert {task.domain for task in sets.train} == {"starter"}


def test_more_questions_than_there_are_is_an_error(files):
    with pytest.raises(ConfigError, match="only 60 different"):
        GeneralSeeds(**files, num_seeds=100).load()


def test_settings_that_make_no_sense_are_named_together():
    with pytest.raises(ConfigError) as caught:
        GeneralSeeds(math=None, humaneval=None, mt_bench=None, num_seeds=0)
    assert len(caught.value.problems) == 2


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the samples of public data in {SHARED}")
def test_real_files_of_the_three_sets_give_a_hundred_seeds():
    source = GeneralSeeds(
        math=str(SHARED / "math" / "test.json"),
        humaneval=str(SHARED / "humaneval" / "HumanEval.jsonl.gz"),
        mt_bench=str(SHARED / "mt_bench" / "question.jsonl"),
        num_held_out=30,
    )
    assert source.problems() == []
    sets = source.load()
    assert len(sets.train) == 100 and len(sets.held_out) == 30
    assert sorted(Counter(task.domain for task in sets.train).values()) == [33, 33, 34]
    categories = {task.info["kind"] for task in sets.train if task.domain == "mt_bench"}
    assert len(categories) == 8
    assert all(task.answer for task in sets.train if task.domain != "mt_bench")
