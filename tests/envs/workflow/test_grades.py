"""What a workflow earns, number by number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.envs.workflow.grades import (
    TIERS,
    Facts,
    Graded,
    TieredV2,
    graded,
    snapped,
    strictness,
    structure_cap,
    tier_of,
)
from guerdon.errors import ConfigError, RewardError


def test_graded_is_correctness_less_cost_and_repairs():
    grade = Graded(cost_coef=0.1, budget=12.0, fix_coef=0.02)
    assert grade(1.0, Facts(num_calls=3)).value == pytest.approx(1 - 0.1 * 3 / 12)
    assert grade(0.5, Facts(num_calls=24, num_fixes=2)).value == pytest.approx(0.5 - 0.1 - 0.04)
    assert grade(0.0, Facts(num_calls=12)).value == 0.0  # a wrong answer is not made cheaper
    assert grade(1.0, Facts(num_fixes=50)).value == pytest.approx(0.9)
    found = grade(1.0, Facts(num_calls=6, num_fixes=1))
    assert found.parts == {"correctness": 1.0, "cost": 0.5, "fixes": 1.0}


def test_no_output_earns_nothing_and_an_invalid_workflow_less():
    grade = Graded(invalid=0.2)
    assert grade(None, Facts(num_calls=12)).value == 0.0
    assert grade(None, Facts(num_calls=1, num_fixes=1)).value == pytest.approx(-0.02)
    assert grade(None, Facts(is_valid=False)).value == -0.2


def test_cost_is_counted_in_what_was_asked_for_and_an_unknown_cost_is_an_error():
    facts = Facts(num_calls=3, num_tokens=500, usd=0.002)
    assert Graded(cost="tokens", budget=1000.0)(1.0, facts).parts["cost"] == 0.5
    assert Graded(cost="usd", budget=0.004)(1.0, facts).parts["cost"] == 0.5
    with pytest.raises(RewardError, match=r"does not tell its usd; use cost=calls"):
        Graded(cost="usd")(1.0, Facts(num_calls=3))
    assert Graded(cost="usd", cost_coef=0.0)(1.0, Facts()).value == 1.0


@given(
    st.floats(0, 1), st.floats(0, 3), st.integers(0, 5), st.floats(0, 0.5), st.floats(0, 0.1)
)  # fmt: skip
def test_graded_never_rises_with_cost_or_repairs(c, cost, fixes, cost_coef, fix_coef):
    def value(cost, fixes):
        return graded(c, cost=cost, num_fixes=fixes, cost_coef=cost_coef, fix_coef=fix_coef)

    assert value(cost, fixes) <= c
    assert value(cost + 1, fixes) <= value(cost, fixes)
    assert value(cost, fixes + 1) <= value(cost, fixes)


def test_strictness_grows_with_the_steps():
    assert [strictness(step) for step in (0, 49, 50, 149, 150, 9999)] == [
        (0.85, 0.4), (0.85, 0.4), (0.7, 0.2), (0.7, 0.2), (0.5, 0.0), (0.5, 0.0),
    ]  # fmt: skip


def test_caps_are_those_of_the_table():
    assert structure_cap(step=0) == 1.1
    assert structure_cap(step=0, num_fixes=3) == 0.85
    assert structure_cap(step=200, num_fixes=1) == 0.5
    assert structure_cap(step=0, is_fallback=True, num_fixes=1) == 0.4
    assert structure_cap(step=0, has_mismatch=True, num_fixes=1, num_downgrades=2) == 0.4
    assert structure_cap(step=150, has_mismatch=True) == 0.0
    assert structure_cap(step=0, num_downgrades=1) == pytest.approx(0.95)
    assert structure_cap(step=0, num_downgrades=9) == pytest.approx(0.8)
    assert structure_cap(step=200, num_fixes=1, num_downgrades=9) == pytest.approx(0.2)


def test_snapping_takes_the_nearest_tier_and_of_two_the_lower():
    assert [snapped(value) for value in (0.85, 0.5, 0.95, 0.8, 1.1, 0.3, 0.0)] == [
        0.7, 0.4, 1.0, 0.7, 1.0, 0.2, 0.0,
    ]  # fmt: skip
    assert all(snapped(tier) == tier for tier in TIERS)


@pytest.mark.parametrize(
    ("tier", "fixes", "step", "value", "strict"),
    [
        (1.0, 0, 0, 1.0, 1.0),
        (1.0, 1, 0, 0.7, 0.85),
        (1.0, 1, 60, 0.7, 0.7),
        (1.0, 1, 150, 0.4, 0.5),
        (0.7, 0, 200, 0.7, 0.7),
        (0.7, 2, 200, 0.4, 0.5),
        (0.4, 2, 200, 0.4, 0.4),
        (0.2, 5, 0, 0.2, 0.2),
    ],
)
def test_tiered_v2_caps_the_tier_by_structure(tier, fixes, step, value, strict):
    facts = Facts(num_fixes=fixes, step=step)
    assert TieredV2()(tier, facts).value == value
    assert TieredV2(strict=True)(tier, facts).value == strict


def test_without_an_output_tiered_v2_is_0():
    assert TieredV2()(None, Facts()).value == 0.0
    assert TieredV2()(1.0, Facts(is_valid=False)).value == 0.0


def test_the_histogram_counts_the_highest_tier_reached():
    assert [tier_of(s) for s in (-0.5, 0.0, 0.1, 0.2, 0.39, 0.4, 0.7, 0.99, 1.0, 1.3)] == [
        1, 1, 1, 2, 2, 3, 4, 4, 5, 5,
    ]  # fmt: skip


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError) as caught:
        Graded(cost_coef=-1.0, budget=0.0)
    assert len(caught.value.problems) == 2
