"""Rubrics: the shipped ones, one's own, and what is wrong with others."""

import pytest

from guerdon.errors import ConfigError
from guerdon.rewards.rubric import RUBRICS, load_rubric, shipped_rubrics

KINDS = {"pairwise": "pair", "listwise": "list"}


@pytest.mark.parametrize("name", shipped_rubrics())
def test_a_shipped_rubric_loads_and_says_what_counts(name):
    rubric = load_rubric(name, KINDS.get(name, "score"))
    assert rubric.role in rubric.text() and rubric.criteria in rubric.text()
    for meaning in rubric.bands.values():
        assert meaning in rubric.text()
    assert (rubric.unit(rubric.low), rubric.unit(rubric.high)) == (0.0, 1.0)


def test_there_is_one_for_every_need():
    wanted = {"quality", "correctness", "instruction_following", "pairwise", "listwise"}
    assert wanted | {"solvability", "task_quality"} == set(shipped_rubrics())
    assert load_rubric("correctness", "score").reference == "required"
    assert load_rubric("task_quality", "score").question is False


def test_a_score_of_1_on_a_scale_from_1_to_10_is_worth_nothing():
    rubric = load_rubric("quality", "score")
    assert [rubric.unit(score) for score in (1.0, 5.5, 10.0)] == [0.0, 0.5, 1.0]


def test_a_file_of_ones_own_is_read(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("role: You grade haiku.\ncriteria: Five, seven, five.\nlow: 0\nhigh: 3\n")
    rubric = load_rubric(str(file), "score")
    assert (rubric.role, rubric.high, rubric.reference) == ("You grade haiku.", 3, "optional")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("role: x\ncriteria: y\nrole: z\n", "duplicate key 'role'"),
        ("role: x\ncriterion: y\n", "did you mean 'criteria'?"),
        ("role: x\ncriteria: y\nlow: 5\nhigh: 5\n", "low: must be below high, got 5 and 5"),
        ("role: x\ncriteria: y\nlow: 0.5\n", "whole: is true, and 0.5 or 10 is no whole number"),
        ("role: x\ncriteria: ''\n", "criteria: is empty"),
        ("role: [x\n", "not valid YAML"),
        ("- role\n", "must be a mapping"),
        ("kind: pair\nrole: x\ncriteria: y\nbands: {1: z}\n", "has no scale"),
    ],
)
def test_a_malformed_rubric_says_what_is_wrong(text, line, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_rubric(str(file), "score")
    assert line in str(caught.value)


def test_a_misspelt_name_and_a_wrong_kind_name_the_right_ones():
    with pytest.raises(ConfigError, match="did you mean 'correctness'"):
        load_rubric("corectness", "score")
    with pytest.raises(ConfigError, match=r"is of kind 'pair'.*correctness.*quality"):
        load_rubric("pairwise", "score")
    assert (RUBRICS / "quality.yaml").is_file()
