"""Tasks from seeds: disjoint by construction, different by content, stable."""

import pytest

import broken_games as games
from guerdon.envs.game import state_seed
from guerdon.envs.games.number_guess import NumberGuessGame
from guerdon.envs.games.rubik import RubikGame
from guerdon.envs.seeded import REMAINDER, GameTasks
from guerdon.errors import ConfigError, EnvError
from guerdon.tasks import TaskPool, TaskSource
from guerdon.types import Task


def seeds(tasks) -> set[int]:
    return {state_seed(task) for task in tasks}


def test_splits_have_seeds_that_cannot_meet():
    made = {}
    for split in ("val", "test"):
        source = GameTasks(
            game=RubikGame(scramble=4), domain="r", num_train=40, num_held_out=20, held_out=split
        )
        assert isinstance(source, TaskSource)
        made[split] = source.load()
        assert {seed % 3 for seed in seeds(made[split].held_out)} == {REMAINDER[split]}
        assert {seed % 3 for seed in seeds(made[split].train)} == {REMAINDER["train"]}
    assert made["val"].train == made["test"].train


def test_no_training_world_looks_like_a_held_out_one_of_either_split():
    game = NumberGuessGame(low=1, high=40)

    def looks(held_out):
        source = GameTasks(game=game, domain="n", num_train=15, num_held_out=8, held_out=held_out)
        sets = source.load()
        found = []
        for tasks in (sets.train, sets.held_out):
            found.append({game.reset(task, 0) and game.anchor() for task in tasks})
        return found

    train, val = looks("val")
    _, test = looks("test")
    assert (len(train), len(val), len(test)) == (15, 8, 8)
    assert not train & val and not train & test and not val & test


def test_held_out_worlds_do_not_depend_on_how_many_are_trained_on_and_other_seeds_make_others():
    def held_out(**options):
        return GameTasks(game=RubikGame(), domain="r", num_held_out=5, **options).load().held_out

    assert held_out(num_train=1) == held_out(num_train=30)
    assert not {t.id for t in held_out(num_train=1)} & {t.id for t in held_out(num_train=1, seed=1)}


def test_a_game_with_too_few_worlds_is_a_config_error():
    source = GameTasks(game=NumberGuessGame(low=1, high=5), domain="n", num_train=9, num_held_out=2)
    with pytest.raises(ConfigError, match="n has only 5 different worlds, but"):
        source.load()
    assert (
        len(
            GameTasks(
                game=NumberGuessGame(low=1, high=5),
                domain="n",
                num_train=9,
                num_held_out=2,
                distinct=False,
            )
            .load()
            .train
        )
        == 9
    )


def test_where_the_seeds_are_is_saved_with_the_pool():
    train = GameTasks(game=RubikGame(), domain="r", num_train=9, num_held_out=1).load().train
    pool = TaskPool(train, seed=1)
    pool.sample(4)
    again = TaskPool(train, seed=1)
    again.load_state_dict(pool.state_dict(), [])
    assert pool.sample(5) == again.sample(5)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="num_train must be at least 1"):
        GameTasks(game=RubikGame(), domain="r", num_train=0)

    class Far(games.Walk):
        async def reset(self, task, seed):
            return "", {}

    with pytest.raises(ConfigError, match="distinct=false"):
        GameTasks(game=Far(), domain="r")
    with pytest.raises(EnvError, match=r"has no info\['seed'\]"):
        state_seed(Task("t", ()))
