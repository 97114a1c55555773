"""Two rewards, and whether they come apart."""

import random

import pytest

from guerdon.trust.audit import Audited, by_step, drift, is_audited, worst


def audited(trains, audits):
    pairs = zip(trains, audits, strict=True)
    return [Audited(step, 0, f"t{step}", *pair) for step, pair in enumerate(pairs)]


def rewards(*chances: float, number: int = 40) -> list[float]:
    """0 or 1, ``number`` times with each chance of 1."""
    draw = random.Random(0)
    return [float(draw.random() < chance) for chance in chances for _ in range(number)]


def test_a_reward_that_rises_while_the_audit_falls_has_diverged() -> None:
    found = drift(audited(rewards(0.3, 0.9), rewards(0.55, 0.3)), window=40)
    assert found and found.has_diverged


def test_rewards_that_rise_together_have_not() -> None:
    found = drift(audited(rewards(0.2, 0.9), rewards(0.2, 0.9)), window=40)
    assert found and not found.has_diverged


def test_a_training_reward_that_falls_is_no_divergence() -> None:
    found = drift(audited(rewards(0.9, 0.3), rewards(0.9, 0.1)), window=40)
    assert found and not found.has_diverged


def test_flat_rewards_are_flat_for_every_seed() -> None:
    flags = 0
    for seed in range(60):
        draw = random.Random(seed)
        trains = [float(draw.random() < 0.5) for _ in range(80)]
        audits = [float(draw.random() < 0.5) for _ in range(80)]
        found = drift(audited(trains, audits), window=40)
        assert found
        flags += found.has_diverged
    assert flags <= 1


def test_the_gap_in_standard_errors_by_hand() -> None:
    found = drift(audited([0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]), window=2)
    # s is the same for both; gaps -1/s, 0 and then 0, 1/s: grown by 1/s, variances 1/(2 s^2)
    assert found and found.gap_z == pytest.approx(2**0.5)


def test_scales_do_not_matter() -> None:
    trains, audits = rewards(0.3, 0.9), rewards(0.5, 0.2)
    one = drift(audited(trains, audits), window=40)
    other = drift(audited([100 * t - 7 for t in trains], audits), window=40)
    assert one and other and one.gap_z == pytest.approx(other.gap_z)


def test_too_few_responses_say_nothing_and_missing_ones_do_not_count() -> None:
    assert drift(audited([1.0] * 7, [0.0] * 7), window=4) is None
    assert drift(audited([1.0] * 8, [None] * 8), window=4) is None


def test_the_worst_are_those_overpaid_most() -> None:
    found = worst(audited([1.0, 0.5, 1.0, 1.0], [1.0, 0.0, 0.0, None]), number=2)
    assert [one.step for one in found] == [2, 1]


def test_means_are_taken_step_by_step() -> None:
    rows = [
        Audited(3, 0, "a", 1.0, 0.0),
        Audited(3, 1, "b", 0.0, 1.0),
        Audited(4, 0, "c", 1.0, None),
    ]
    assert by_step(rows) == {3: (0.5, 0.5)}


def test_which_episodes_are_audited_derives_from_the_seed() -> None:
    chosen = [(s, e) for s in range(100) for e in range(100) if is_audited(7, s, e, 0.05)]
    assert 400 < len(chosen) < 600
    assert not any(is_audited(7, 1, e, 0.0) for e in range(1000))
    assert all(is_audited(7, 1, e, 1.0) for e in range(1000))
