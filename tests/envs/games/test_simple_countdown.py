import pytest

from guerdon.envs.games.simple_countdown import SimpleCountdownGame
from guerdon.errors import ConfigError
from guerdon.types import Task


def begun(seed=0, **fields):
    game = SimpleCountdownGame(**fields)
    told, _ = game.reset(Task("t", (), info={"seed": seed}), 0)
    return game, int(told)


def test_counting_down_pays_one_a_number_and_ten_more_at_zero():
    game, start = begun()
    rewards = []
    for number in range(start - 1, -1, -1):
        _, reward, terminated, _, info = game.step(str(number))
        rewards.append(reward)
        assert terminated == (number == 0)
        assert info["success"] == float(number == 0)
    assert rewards == [1.0] * (start - 1) + [11.0]


def test_a_wrong_number_costs_one_and_ends_it():
    game, start = begun()
    _, reward, terminated, truncated, info = game.step("0" if start > 1 else "1")
    assert (reward, terminated, truncated, info["success"]) == (-1.0, True, False, 0.0)


def test_it_begins_where_the_tasks_seed_says():
    starts = [begun(seed, low=3, high=8)[1] for seed in range(60)]
    assert set(starts) == {3, 4, 5, 6, 7, 8}
    assert starts == [begun(seed, low=3, high=8)[1] for seed in range(60)]


def test_a_range_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="low"):
        SimpleCountdownGame(low=9, high=3)
