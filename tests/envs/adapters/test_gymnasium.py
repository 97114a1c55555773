"""Gymnasium's worlds as games: words, seeds, success, and what is not supported."""

import gymnasium
import pytest

from guerdon.envs.adapters.gymnasium import GymnasiumGame, GymnasiumTable
from guerdon.envs.adapters.gymnasium_words import blackjack, cliff, taxi
from guerdon.errors import ConfigError
from guerdon.types import Task

TASK = Task("g", (), info={"seed": 1})


def test_words_say_what_the_numbers_mean():
    world = gymnasium.make("Taxi-v4").unwrapped
    state = world.encode(3, 1, 2, 0)
    assert taxi(state) == ("Taxi at (3, 1). Passenger at Yellow (4, 0). Destination Red (0, 0).")
    assert "Passenger in the taxi" in taxi(world.encode(0, 0, 4, 3))
    assert cliff(36).startswith("Player at (3, 0). Goal at (3, 11).")
    assert (
        blackjack((15, 1, 1))
        == "Your sum is 15, with an ace counted as 11. The dealer shows an ace."
    )
    assert blackjack((20, 10, 0)) == "Your sum is 20. The dealer shows 10."


def test_the_start_is_the_groups_and_chance_the_members():
    def cards(seed):
        game = GymnasiumGame(id="Blackjack-v1", action_names=["Stick", "Hit"])
        return game.reset(TASK, seed)[0], [game.step("Hit")[0] for _ in range(1)]

    starts, nexts = zip(*(cards(seed) for seed in range(12)), strict=True)
    assert len(set(starts)) == 1 and len({tuple(n) for n in nexts}) > 1


def test_success_is_to_end_with_the_reward_asked_for():
    game = GymnasiumTable(id="Taxi-v4", success_reward=20.0)
    assert game.actions == ("0", "1", "2", "3", "4", "5")
    game.reset(TASK, 0)
    last = game.step(game.oracle())
    while not last[2]:
        assert last[4]["success"] == 0.0
        last = game.step(game.oracle())
    assert last[1] == 20.0 and last[4]["success"] == 1.0


def test_the_time_limit_truncates():
    game = GymnasiumGame(id="CliffWalking-v1", kwargs={"max_episode_steps": 2})
    game.reset(TASK, 0)
    assert [game.step("0")[3] for _ in range(2)] == [False, True]


def test_copies_of_a_table_world_do_not_share_their_state():
    one, two = GymnasiumTable(id="CliffWalking-v1"), GymnasiumTable(id="CliffWalking-v1")
    one.reset(TASK, 0)
    two.reset(TASK, 0)
    one.step("0")
    assert one.anchor() == "24" and two.anchor() == "36"
    ahead = one.snapshot()
    ahead.step("0")
    assert one.anchor() == "24" and ahead.anchor() == "12"


def test_worlds_draw_themselves():
    game = GymnasiumGame(id="Taxi-v4", view="ansi")
    assert game.reset(TASK, 0)[0].startswith("+---------+")
    assert GymnasiumGame(id="FrozenLake-v1", view="raw").reset(TASK, 0)[0] == "0"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"id": "Taxy-v4"}, "Taxy"),
        ({"id": "Taxi-v4", "kwargs": {"rain": 1}}, "rain"),
        ({"id": "Taxi-v4", "action_names": ["a", "b"]}, "has 6 actions; action_names has 2"),
        ({"id": "FrozenLake-v1"}, "for FrozenLake-v1 use view=ansi or raw"),
        ({"id": "MountainCarContinuous-v0"}, "not discrete"),
    ],
)
def test_what_cannot_be_played_is_a_config_error(settings, says):
    with pytest.raises(ConfigError, match=says):
        GymnasiumGame(**settings)
