import asyncio
from dataclasses import replace

import pytest
from rich.console import Console

from guerdon.errors import EnvError, RolloutError
from guerdon.runs import reader
from guerdon.runs.store import RunStore
from guerdon.train.display import Display
from guerdon.train.loop import _build
from guerdon.train.metrics import Stopwatch
from guerdon.train.step import train_step
from guerdon.types import Episode, Task
from small_runs import configuration


@pytest.fixture
def run(tmp_path):
    config, _ = configuration(tmp_path)
    store = RunStore.create(tmp_path / "small", "")
    yield _build(config, store, Display(Console(quiet=True)))
    store.finish("completed")


def step(run, number=1):
    return asyncio.run(train_step(run, number, Stopwatch()))


def weights(run):
    return {name: p.detach().clone() for name, p in run.learner.models.policy.named_parameters()}


class Paying:
    """Plays the real game, then pays what it is told to; may fail instead."""

    def __init__(self, env, rewards):
        self.env, self.rewards, self.count = env, iter(rewards), 0

    async def rollout(self, task, models):
        reward = next(self.rewards)
        if reward is None:
            raise EnvError("the ice broke")
        episode = await self.env.rollout(task, models)
        row = episode.trajectories[0]
        turns = tuple(replace(turn, reward=0.0) for turn in row.turns)
        row = replace(row, turns=turns, reward=replace(row.reward, value=reward))
        return replace(episode, trajectories=(row,))


def test_a_step_changes_the_weights_records_its_episodes_and_publishes(run):
    before = weights(run)
    paying = replace(run, env=Paying(run.env, [1.0, 0.0] * 4))
    row = step(paying)
    after = weights(run)
    assert any((before[name] != after[name]).any() for name in before)
    assert len(list(reader.read_episodes(run.store.folder, 1))) == 8
    assert run.models["policy"].engine.version == 1
    assert row["reward/mean"] == 0.5
    assert row["policy/skipped_updates"] == 0.0
    assert row["policy/engine_gap"] < 1e-4


def test_equal_rewards_teach_nothing_and_are_counted(run):
    quiet = replace(run.algorithm, kl_coef=0.0)  # no other term in the loss
    run.learner.algorithm = quiet
    before = weights(run)
    row = step(replace(run, env=Paying(run.env, [0.7] * 8), algorithm=quiet))
    after = weights(run)
    assert all((before[name] == after[name]).all() for name in before)
    assert row["policy/skipped_updates"] == 1.0
    assert row["rollout/rows_with_signal"] == 0.0


def test_too_many_failures_stop_the_step_after_it_was_recorded(run):
    with pytest.raises(RolloutError, match=r"6 of 8 episodes failed.*the ice broke"):
        step(replace(run, env=Paying(run.env, [1.0, 0.0] + [None] * 6)))
    recorded = list(reader.read_episodes(run.store.folder, 1))
    assert [episode.error for episode in recorded] == [None, None] + ["EnvError: the ice broke"] * 6
    assert run.models["policy"].engine.version == 0


def test_a_failed_member_changes_neither_mean_nor_loss_of_its_group(run):
    """Two members of four fail: the other two get what a group of two would have got."""
    seen = []
    estimate = type(run.algorithm).estimate

    class Watched(type(run.algorithm)):
        def estimate(self, batch):
            seen.append(estimate(self, batch))
            return seen[-1]

    fields = {"credit": "trajectory", "gamma": 1.0, "kl_coef": 0.0, "norm": "none"}
    watched = Watched(**fields)
    run.learner.algorithm = watched
    env = Paying(run.env, [1.0, None, 0.0, None, 0.25, 0.25, 0.25, 0.25])
    row = step(replace(run, env=env, algorithm=watched))
    batch = seen[0]
    advantages = [
        a[m].unique().tolist() for a, m in zip(batch.advantages, batch.action_mask, strict=True)
    ]
    assert advantages == [[0.5], [-0.5], [0.0], [0.0], [0.0], [0.0]]
    assert batch.num_rows == 6
    assert row["rollout/errors"] == 2.0


def test_new_tasks_of_an_episode_join_the_pool(run):
    class Inventing(Paying):
        async def rollout(self, task, models):
            episode = await super().rollout(task, models)
            self.count += 1
            words = f"{self.count} " * 5  # no two alike: near duplicates do not join
            asked = ({"role": "user", "content": words},)
            invented = Task(f"new-{self.count}", asked, info=task.info)
            return replace(episode, new_tasks=(invented,))

    size = len(run.pool)
    row = step(replace(run, env=Inventing(run.env, [1.0, 0.0] * 4)))
    assert len(run.pool) == size + 8
    assert row["tasks/new"] == 8.0


def test_a_step_without_any_row_is_skipped(run):
    class Empty:
        async def rollout(self, task, models):
            return Episode(task)

    row = step(replace(run, env=Empty()))
    assert row["policy/skipped_updates"] == 1.0


def test_silent_groups_are_counted_and_replaced_where_that_is_asked_for(run):
    pays = [0.5] * 4 + [1.0, 0.0, 0.0, 0.0]
    row = step(replace(run, env=Paying(run.env, pays)))
    assert (row["rollout/silent_groups"], row["rollout/refills"]) == (1.0, 0.0)
    settings = replace(run.config.trainer, max_refills=2)
    more = replace(run, config=replace(run.config, trainer=settings))
    row = step(replace(more, env=Paying(run.env, [*pays, *([0.5] * 4), 1.0, 1.0, 0.0, 0.0])), 2)
    assert (row["rollout/silent_groups"], row["rollout/refills"]) == (2.0, 2.0)
    assert row["rollout/rows_with_signal"] == 8.0 and row["rollout/episodes"] == 16.0
    assert len(list(reader.read_episodes(run.store.folder, 2))) == 16
