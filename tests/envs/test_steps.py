"""A reset/step game as a conversation: actions, rewards, endings and failures."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from guerdon.envs.games.frozen_lake import FrozenLakeGame
from guerdon.envs.steps import Game, StepEnv
from guerdon.errors import ConfigError, EnvError
from guerdon.train.collect import collect, trainable
from guerdon.types import Env, Episode, Task

TASK = Task("count", ())


@dataclass
class Counter:
    """Say Up until the number is 2; ``crash`` raises, ``Left`` gives back ``odd``."""

    actions: tuple[str, ...] = ("Up", "Left", "crash")
    odd: Any = ("odd", 0.0, False, True, {})
    limit: int = 99
    seeds: list[int] = field(default_factory=list)
    number: int = 0

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, Any]]:
        self.seeds.append(seed)
        self.number = 0
        return "number 0", {"success": False, "name": "counter"}

    def step(self, action: str) -> Any:
        if action == "crash":
            raise ZeroDivisionError("the board fell off the table")
        if action == "Left":
            return self.odd
        self.number += 1
        won = self.number == 2
        return (
            f"number {self.number}",
            float(won),
            won,
            self.number >= self.limit,
            {"success": won, "number": self.number},
        )


class AsyncCounter(Counter):
    """The same, behind a network."""

    async def reset(self, task: Task, seed: int) -> tuple[str, dict[str, Any]]:  # type: ignore[override]
        await asyncio.sleep(0)
        return Counter.reset(self, task, seed)

    async def step(self, action: str) -> Any:
        await asyncio.sleep(0)
        return Counter.step(self, action)


def play(env: StepEnv, models: Any, task: Task = TASK) -> Episode:
    return asyncio.run(env.rollout(task, models))


def heard(episode: Episode) -> list[str]:
    return [turn.observation[-1]["content"] for turn in episode.trajectories[0].turns]


@pytest.mark.parametrize("game", [Counter(), AsyncCounter()])
def test_a_game_is_played_turn_by_turn_and_rewards_stay_with_their_turns(script, game) -> None:
    env = StepEnv(game=game)
    assert isinstance(env, Env) and isinstance(game, Game)
    episode = play(env, script("Up", "Up"))
    (row,) = episode.trajectories
    assert heard(episode) == ["number 0", "number 1"]
    assert [turn.reward for turn in row.turns] == [0.0, 1.0]
    assert (row.reward.value, row.total_reward, row.status) == (0.0, 1.0, "completed")
    assert (row.role, row.group) == ("policy", "count")
    assert episode.metrics == {
        "success": 1.0,
        "number": 2.0,
        "return": 1.0,
        "turns": 2.0,
        "actions": 2.0,
        "invalid_frac": 0.0,
        "malformed_frac": 0.0,
    }


def test_an_invalid_action_costs_and_is_told_but_does_not_move_the_game(script) -> None:
    env = StepEnv(game=Counter(), invalid_penalty=0.25, invalid_message="No.")
    episode = play(env, script("Up", "Sideways", "Up"))
    assert heard(episode) == ["number 0", "number 1", "No. number 1"]
    assert [turn.reward for turn in episode.trajectories[0].turns] == [0.0, -0.25, 1.0]
    assert episode.metrics["invalid_frac"] == pytest.approx(1 / 3)
    assert episode.metrics["success"] == 1.0


def test_an_episode_that_runs_out_of_turns_is_truncated(script) -> None:
    episode = play(StepEnv(game=Counter(), max_turns=1), script("Up", "Up"))
    assert episode.trajectories[0].status == "truncated"
    assert episode.metrics["success"] == 0.0 and episode.metrics["turns"] == 1.0


def test_an_episode_that_the_game_cuts_off_is_truncated(script) -> None:
    episode = play(StepEnv(game=Counter(limit=1)), script("Up", "Up"))
    assert len(episode.trajectories[0].turns) == 1
    assert episode.trajectories[0].status == "truncated"


def test_an_episode_whose_context_is_full_ends_there(script) -> None:
    episode = play(StepEnv(game=Counter()), script("Up"))
    (row,) = episode.trajectories
    assert row.status == "truncated" and row.turns[-1].action["content"] == ""
    assert [turn.reward for turn in row.turns] == [0.0, 0.0]
    assert episode.metrics["success"] == 0.0


def test_replies_of_one_token_that_are_whole_actions_are_not_truncated(script) -> None:
    assert (
        play(StepEnv(game=Counter()), script("Up", "Up", cut=True)).trajectories[0].status
        == "completed"
    )


def test_metrics_exist_before_any_action_was_valid(script) -> None:
    episode = play(StepEnv(game=Counter(), max_turns=2), script("no", "no"))
    assert (episode.metrics["success"], episode.metrics["turns"]) == (0.0, 2.0)
    assert (episode.metrics["invalid_frac"], episode.metrics["actions"]) == (1.0, 0.0)


def test_a_game_that_crashes_is_an_env_error_with_its_cause(script) -> None:
    with pytest.raises(
        EnvError, match=r"Counter\.step raised ZeroDivisionError: the board"
    ) as error:
        play(StepEnv(game=Counter()), script("crash"))
    assert isinstance(error.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (None, "must return 5 values"),
        (("x", 0.0, False), "must return 5 values"),
        ((7, 0.0, False, False, {}), "observation as text"),
        (("x", float("nan"), False, False, {}), "reward nan"),
    ],
)
def test_a_game_that_breaks_its_contract_is_an_env_error(script, odd: Any, says: str) -> None:
    with pytest.raises(EnvError, match=says):
        play(StepEnv(game=Counter(odd=odd)), script("Left"))


def test_one_crashed_member_leaves_its_group_as_if_it_had_never_been(script) -> None:
    env = StepEnv(game=Counter())

    async def group(*members: str) -> list[Episode]:
        episodes = []
        for member in members:
            models = script(*member.split())
            episodes += await collect(env, [TASK], models)
        return episodes

    with_crash = asyncio.run(group("Up Up", "crash", "no Up Up"))
    without = asyncio.run(group("Up Up", "no Up Up"))
    assert [bool(episode.error) for episode in with_crash] == [False, True, False]
    assert "ZeroDivisionError" in with_crash[1].error
    assert trainable(with_crash, 3)[0] == trainable(without, 2)[0]


def test_games_are_reused_and_the_prototype_is_never_played(script) -> None:
    prototype = Counter()
    env = StepEnv(game=prototype)
    for _ in range(3):
        play(env, script("Up", "Up"))
    (game,) = env._idle
    assert len(game.seeds) == 3 and prototype.seeds == []


def test_a_game_that_crashed_is_not_used_again(script) -> None:
    env = StepEnv(game=Counter())
    with pytest.raises(EnvError):
        play(env, script("crash"))
    assert env._idle == []


def test_chance_in_the_game_derives_from_the_members_seed_and_the_task(script) -> None:
    def seed(member: int, task: Task = TASK) -> int:
        env = StepEnv(game=Counter())
        play(env, script("Up", "Up", seed=member), task)
        return env._idle[0].seeds[0]

    assert seed(1) == seed(1)
    assert len({seed(1), seed(2), seed(1, replace(TASK, id="other"))}) == 3


def test_episodes_at_the_same_time_do_not_share_a_game(script) -> None:
    env = StepEnv(game=AsyncCounter())

    async def both() -> list[Episode]:
        jobs = (env.rollout(TASK, script("Up", "no", "Up")) for _ in range(5))
        return list(await asyncio.gather(*jobs))

    assert all(episode.metrics["number"] == 2.0 for episode in asyncio.run(both()))
    assert len(env._idle) == 5


def test_the_prompt_and_the_first_observation_share_a_users_message(script) -> None:
    task = Task("t", ({"role": "user", "content": "Count to two."},))
    first = play(StepEnv(game=Counter(), system="Play."), script("Up", "Up"), task).trajectories[0]
    assert first.turns[0].observation == (
        {"role": "system", "content": "Play."},
        {"role": "user", "content": "Count to two.\n\nnumber 0"},
    )


def test_frozen_lake_can_be_won_from_end_to_end(script) -> None:
    task = Task("lake", (), info={"map": ["SF", "HG"]})
    episode = play(StepEnv(game=FrozenLakeGame()), script("Right", "Down"), task)
    assert heard(episode) == [
        "Left wall Down hole Right safe Up wall",
        "Left safe Down goal Right wall Up wall",
    ]
    assert episode.trajectories[0].total_reward == 1.0
    assert episode.metrics["success"] == 1.0


def test_settings_that_cannot_be_meant_are_config_errors() -> None:
    with pytest.raises(ConfigError, match="max_turns must be at least 1"):
        StepEnv(game=Counter(), max_turns=0)
    with pytest.raises(ConfigError, match=r"write 0\.5"):
        StepEnv(game=Counter(), invalid_penalty=-0.5)
