"""The learning rate by hand."""

import pytest

from guerdon.config.schema import Learner as Settings
from guerdon.learner.schedule import lr_factor


def factors(settings: Settings, total: int = 6) -> list[float]:
    return [lr_factor(step, total, settings) for step in range(total)]


def test_constant_after_a_rise_that_wastes_no_step() -> None:
    settings = Settings(warmup_steps=3)
    assert factors(settings) == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])


def test_linear_reaches_its_end_at_the_last_step() -> None:
    settings = Settings(schedule="linear", warmup_steps=1, min_lr_frac=0.2)
    assert factors(settings) == pytest.approx([0.5, 1.0, 0.8, 0.6, 0.4, 0.2])


def test_cosine_is_half_way_down_in_the_middle() -> None:
    settings = Settings(schedule="cosine", min_lr_frac=0.1)
    found = factors(settings, total=5)
    assert found[0] == 1.0
    assert found[2] == pytest.approx(0.55)
    assert found[4] == pytest.approx(0.1)


def test_steps_beyond_the_total_stay_at_the_end() -> None:
    assert lr_factor(99, 5, Settings(schedule="linear", min_lr_frac=0.3)) == pytest.approx(0.3)
    assert lr_factor(0, 1, Settings(schedule="cosine")) == 1.0
