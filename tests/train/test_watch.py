"""Each sign of a collapse, on a run made to show it, and on one that does not."""

import pytest

from guerdon.train.watch import SIGNS, Watch

NAMES = {sign.name for sign in SIGNS}


def told(rows):
    """(step, name) of everything a watch says about these rows."""
    watch = Watch()
    return [(step, sign.name) for step, row in enumerate(rows, 1) for sign in watch.step(row)]


def run(name, *parts):
    """Rows with one metric: (value, for how many steps) one after the other."""
    return [{name: value} for value, count in parts for _ in range(count)]


COLLAPSED = {
    "in_group_std": run("rollout/in_group_std", (0.4, 10), (0.2, 10), (0.03, 10)),
    "entropy": run("policy/entropy", (2.0, 15), (0.1, 10)),
    "repetition": run("rollout/repetition", (0.05, 12), (0.7, 10)),
    "gradient": run("policy/grad_norm", (0.5, 20), (9.0, 3)),
    "no_success": run("eval/success", (0.0, 5)),
    "no_updates": run("policy/skipped_updates", (0.0, 3), (1.0, 5)),
}
HEALTHY = {
    "in_group_std": run("rollout/in_group_std", (0.4, 10), (0.2, 10), (0.03, 9), (0.3, 5)),
    "entropy": run("policy/entropy", (2.0, 15), (0.3, 30)),
    "repetition": run("rollout/repetition", (0.7, 40)),  # it always did: the task asks for it
    "gradient": run("policy/grad_norm", (0.5, 20), (9.0, 1), (0.5, 20), (9.0, 1), (0.5, 10)),
    "no_success": run("eval/success", (0.0, 4), (0.02, 1), (0.0, 4)),
    "no_updates": run("policy/skipped_updates", (1.0, 4), (0.0, 1), (1.0, 4)),
}


def test_every_sign_is_tried_here():
    assert set(COLLAPSED) == set(HEALTHY) == NAMES


@pytest.mark.parametrize("name", COLLAPSED)
def test_a_collapse_is_told_once_and_at_the_step_it_can_be_known(name):
    rows = COLLAPSED[name]
    assert told([*rows, *rows[-1:] * 20]) == [(len(rows), name)]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_run_that_only_looks_like_it_is_left_alone(name):
    assert told(HEALTHY[name]) == []


@pytest.mark.parametrize("name", COLLAPSED)
def test_a_watch_that_goes_on_knows_what_was_told(name):
    rows = COLLAPSED[name]
    assert Watch(rows).step(rows[-1]) == []
    assert [sign.name for sign in Watch(rows[:-1]).step(rows[-1])] == [name]


def test_steps_without_a_number_are_passed_over():
    rows = [row for pair in zip(COLLAPSED["entropy"], [{}] * 25, strict=True) for row in pair]
    assert [name for _, name in told(rows)] == ["entropy"]
    assert told([{"policy/entropy": None}] * 30) == []


def test_a_sign_says_what_it_means_and_what_to_do():
    for sign in SIGNS:
        assert sign.meaning in str(sign)
        assert sign.remedy in str(sign)
