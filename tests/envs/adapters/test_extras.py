"""reasoning-gym and TextArena: played through doubles of their interfaces, and their absence."""

import random
import sys

import pytest

import reasoning_gym_double
import textarena_double
from guerdon.envs.adapters.reasoning_gym import ReasoningGymGame
from guerdon.envs.adapters.textarena import TextArenaGame
from guerdon.envs.check import check_env
from guerdon.envs.seeded import GameTasks
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError
from guerdon.types import Task

TASK = Task("t", (), info={"seed": 1})


@pytest.fixture
def installed(monkeypatch):
    """The doubles under the packages' names."""
    monkeypatch.setitem(sys.modules, "reasoning_gym", reasoning_gym_double)
    monkeypatch.setitem(sys.modules, "textarena", textarena_double)


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    monkeypatch.setitem(sys.modules, "textarena", None)


def test_without_the_package_the_error_says_how_to_install_it(absent):
    with pytest.raises(ConfigError, match=r"pip install 'guerdon\[reasoning-gym\]'"):
        ReasoningGymGame(dataset="sums")
    with pytest.raises(ConfigError, match=r"pip install 'guerdon\[textarena\]'"):
        TextArenaGame(id="Secret-v0-raw")


def test_reasoning_gym_scores_its_own_questions(installed):
    game = ReasoningGymGame(dataset="sums", tries=2, config={"largest": 5})
    question, _ = game.reset(TASK, 0)
    assert question == game.reset(TASK, 9)[0] and question.endswith("?")
    assert game.step("99")[1:4] == (0.05, False, False)
    assert game.step(game.oracle())[1:3] == (1.0, True)
    tasks = GameTasks(game=game, domain="rg", num_train=5, num_held_out=5).load()
    assert check_env(StepEnv(game=game, max_turns=2), tasks.held_out) == []


def test_textarena_is_played_alone_and_never_touches_our_generators(installed):
    game = TextArenaGame(id="Secret-v0-raw", guesses=("[crane]", "[sloth]"))
    random.seed(0)
    before = random.getstate()
    told, info = game.reset(TASK, 0)
    assert told == "Say the secret word." and info == {"success": 0.0}
    told, reward, terminated, _, info = game.step("[nothing]")
    assert told in ("Cold.", "Warm.") and (reward, terminated) == (0.0, False)
    assert info == {"turn": 1.0, "success": 0.0}
    won = game.step(f"[{game._world.word}]")
    assert won == ("The game is over.", 1.0, True, False, {"success": 1.0})
    assert random.getstate() == before
    tasks = GameTasks(game=game, domain="ta", num_train=2, num_held_out=2, distinct=False).load()
    assert check_env(StepEnv(game=game, max_turns=3), tasks.held_out) == []


def test_a_name_they_do_not_know_is_a_config_error(installed):
    with pytest.raises(ConfigError, match="Dataset 'summs' not registered"):
        ReasoningGymGame(dataset="summs")
    with pytest.raises(ConfigError, match="unexpected keyword argument 'wide'"):
        ReasoningGymGame(dataset="sums", config={"wide": 1})
    with pytest.raises(ConfigError, match="not found in registry"):
        TextArenaGame(id="Secrets")
    with pytest.raises(
        ConfigError, match=r"^TextArenaGame: Wordless-v0-raw: Resource words not found\.$"
    ):
        TextArenaGame(id="Wordless-v0-raw")
