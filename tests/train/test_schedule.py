import pytest

from guerdon.config.schema import Schedule
from guerdon.train.schedule import at_step, value_at
from guerdon.types import Completion, Model, Sampling


@pytest.mark.parametrize(("step", "value"), [(1, 1.0), (3, 0.8), (6, 0.5), (100, 0.5)])
def test_a_linear_schedule_goes_from_start_to_end_and_stays(step, value):
    assert value_at(Schedule(start=1.0, end=0.5, steps=6), step) == pytest.approx(value)


def test_a_cosine_schedule_is_half_way_in_the_middle():
    schedule = Schedule(start=1.0, end=0.0, steps=11, shape="cosine")
    assert value_at(schedule, 6) == pytest.approx(0.5)
    assert value_at(schedule, 2) > 0.97


def test_only_the_policys_temperature_moves():
    class Silent:
        template = None

        async def generate(self, prompt, sampling):
            return Completion("")

    models = {name: Model(Silent(), Sampling(temperature=0.3)) for name in ("policy", "judge")}
    moved = at_step(models, Schedule(start=1.0, end=0.5, steps=6), 6)
    assert moved["policy"].sampling.temperature == 0.5
    assert moved["judge"].sampling.temperature == 0.3
    assert at_step(models, None, 6) is models
