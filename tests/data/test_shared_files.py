"""Every real file of ../shared/data with a prompt and an answer loads, row for row."""

from pathlib import Path

import pytest

from guerdon.data import files, rows
from guerdon.data.files import TaskFile

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")

ANSWERED = {
    "aflow_gsm8k/gsm8k_test.jsonl": 274,
    "aflow_gsm8k/gsm8k_validate.jsonl": 189,
    "aflow_math/math_test.jsonl": 339,
    "aflow_math/math_validate.jsonl": 79,
    "evouna/NQ.json": 495,
    "evouna/TQ.json": 491,
    "gsm8k/test.jsonl": 909,
    "gsm8k/train.jsonl": 364,
    "gsm8k_model_solutions/example_model_solutions.jsonl": 416,
    "hotpotqa/hotpotqa_validate.jsonl": 140,
    "mae_fusionbench/fixed_fusionbench.json": 104,
    "math/test.json": 360,
    "math500/test.jsonl": 345,
    "math_cot_100/math_cot_100.jsonl": 37,
    "nq301/model_outputs/NQ301_text-davinci-003_fewshot-n64.jsonl": 202,
    "roll_multisubject_rlvr/llm_judge_Multi-subject-RLVR_deal_new.jsonl": 420,
    "simplelr_math_35/test.parquet": 345,
    "simplelr_math_35/train.parquet": 1398,
    "verl_parquet_variants/gsm8k_as_test.parquet": 222,
    "verl_parquet_variants/simplelr_train.parquet": 210,
}
GRADED_BY_TESTS = {
    "aflow_humaneval/humaneval_test.jsonl": 89,
    "aflow_humaneval/humaneval_validate.jsonl": 26,
    "aflow_mbpp/mbpp_test.jsonl": 234,
    "aflow_mbpp/mbpp_validate.jsonl": 69,
    "humaneval/HumanEval.jsonl.gz": 115,
    "mbpp/mbpp.jsonl": 682,
    "mbppplus/MbppPlus.jsonl": 76,
}


def load(name, **fields):
    return TaskFile(path=str(DATA / name), **fields).load()


@pytest.mark.parametrize(("name", "count"), ANSWERED.items())
def test_every_row_becomes_a_task_with_a_reference_answer(name, count):
    sets = load(name)
    tasks = [*sets.train, *sets.held_out]
    assert len({task.id for task in tasks}) == len(tasks) == sets.report.num_rows == count
    assert all(task.answer for task in tasks)
    assert not any("<|im_" in m["content"] for task in tasks for m in task.prompt)
    assert len(sets.held_out) == min(200, count // 10)


@pytest.mark.parametrize(("name", "count"), GRADED_BY_TESTS.items())
def test_programming_tasks_keep_their_tests_in_info(name, count):
    sets = load(name)
    tasks = [*sets.train, *sets.held_out]
    assert len(tasks) == count == sets.report.notes[rows.NO_ANSWER]
    assert all({"test", "test_list", "assertion"} & set(task.info) for task in tasks)


@pytest.mark.parametrize(("name", "count"), [("drop/drop_test.jsonl", 288)])
def test_other_keys_load_when_they_are_named(name, count):
    sets = load(name, prompt_key="context", answer_key="ref_text")
    assert len(sets.train) + len(sets.held_out) == count


def test_gsm8k_references_are_the_numbers_after_the_marks():
    assert [task.answer for task in load("gsm8k/train.jsonl", num_held_out=0).train[:3]] == [
        "72",
        "10",
        "5",
    ]


def test_simplelr_prompts_are_messages_again_and_their_box_is_repaired():
    sets = load("simplelr_math_35/train.parquet", num_held_out=0)
    assert sets.report.notes[rows.TEMPLATED] == sets.report.notes[rows.BOXED] == 1398
    prompt = sets.train[1].prompt
    assert prompt[0] == {"role": "system", "content": "You are a helpful assistant."}
    assert prompt[1]["content"] == (
        "For how many integer values of $x$ is $5x^{2}+19x+16 > 20$ not satisfied?\n"
        "Please reason step by step, and put your final answer within \\boxed{}."
    )
    assert (sets.train[1].answer, sets.train[1].domain) == ("5", "simplelr_qwen")


def test_math500_references_agree_with_the_boxes_of_their_solutions():
    tasks = load("math500/test.jsonl", num_held_out=0).train
    assert all(rows.last_boxed(task.info["solution"]) == task.answer for task in tasks)


def test_repeated_sokoban_maps_are_counted():
    sets = load("ragen_sokoban/train.parquet")
    assert sets.report.notes[files.DUPLICATE] == 15
    assert sets.report.notes[rows.PREFILL] == 194 == len(sets.train) + len(sets.held_out)
