import asyncio

import pytest

from guerdon.errors import EnvError, RolloutError
from guerdon.train.collect import check_errors, collect, trainable
from guerdon.types import Completion, Episode, Model, Reward, Sampling, Task, Trajectory, Turn


class Silent:
    template = None

    async def generate(self, prompt, sampling):
        return Completion("")


MODELS = {"policy": Model(Silent(), Sampling(seed=7))}
TASKS = [Task("a", ()), Task("b", ()), Task("a", ())]


def row(group, reward=0.0):
    turn = Turn((), {"role": "assistant", "content": "x"}, (0, 1))
    return Trajectory("policy", group, (turn,), (5,), (True,), (-1.0,), Reward(reward))


class Recorder:
    """Finishes in reverse order and remembers the seeds it was given."""

    def __init__(self):
        self.seeds = []

    async def rollout(self, task, models):
        self.seeds.append((task.id, models["policy"].sampling.seed))
        await asyncio.sleep(0.001 * (10 - len(self.seeds)))
        return Episode(task, (row(task.id),))


def test_episodes_come_task_by_task_and_member_by_member_in_whatever_order_they_finish():
    episodes = asyncio.run(collect(Recorder(), TASKS, MODELS, group_size=2))
    assert [episode.task.id for episode in episodes] == ["a", "a", "b", "b", "a", "a"]


def test_every_episode_has_a_seed_of_its_own_even_when_a_task_comes_twice():
    env = Recorder()
    asyncio.run(collect(env, TASKS, MODELS, group_size=2, key=("train", 1)))
    assert len({seed for _, seed in env.seeds}) == 6


def test_seeds_depend_on_the_key_and_not_on_what_else_is_collected():
    alone, together, later = Recorder(), Recorder(), Recorder()
    asyncio.run(collect(alone, TASKS[1:2], MODELS, key=(1,)))
    asyncio.run(collect(together, TASKS, MODELS, key=(1,), max_concurrent=1))
    asyncio.run(collect(later, TASKS[1:2], MODELS, key=(2,)))
    assert alone.seeds[0] in together.seeds
    assert later.seeds[0] not in together.seeds


class Unlucky:
    async def rollout(self, task, models):
        if task.id == "b":
            raise EnvError("the ice broke")
        return Episode(task, (row(task.id),))


def test_a_failed_rollout_is_data():
    episodes = asyncio.run(collect(Unlucky(), TASKS, MODELS))
    assert [episode.error for episode in episodes] == [None, "EnvError: the ice broke", None]
    assert check_errors(episodes, max_error_rate=0.5) == 1


def test_too_many_failures_stop_the_step_and_name_the_first_cause():
    episodes = asyncio.run(collect(Unlucky(), TASKS, MODELS))
    with pytest.raises(RolloutError, match=r"1 of 3 episodes failed.*task b: EnvError: the ice"):
        check_errors(episodes, max_error_rate=0.1)


class Broken:
    async def rollout(self, task, models):
        raise ZeroDivisionError("a bug")


def test_a_bug_is_not_mistaken_for_a_failed_rollout():
    with pytest.raises(ZeroDivisionError):
        asyncio.run(collect(Broken(), TASKS, MODELS))


def test_no_more_episodes_run_at_once_than_allowed():
    class Counting:
        running = most = 0

        async def rollout(self, task, models):
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0.001)
            self.running -= 1
            return Episode(task)

    env = Counting()
    asyncio.run(collect(env, TASKS, MODELS, group_size=4, max_concurrent=3))
    assert env.most == 3


def test_a_member_whose_peers_all_failed_is_dropped_and_counted():
    a, b = Task("a", ()), Task("b", ())
    episodes = [
        Episode(a, (row("a", 1.0),)),
        Episode(a, (row("a", 3.0),)),
        Episode(a, error="x"),
        Episode(b, (row("b", 5.0),)),
        Episode(b, error="x"),
        Episode(b, error="x"),
    ]
    rows, dropped = trainable(episodes, group_size=3)
    assert [r.reward.value for r in rows] == [1.0, 3.0]
    assert dropped == 1


def test_a_group_that_failed_altogether_is_counted_as_dropped():
    a, b = Task("a", ()), Task("b", ())
    episodes = [Episode(a, error="x")] * 2 + [Episode(b, (row("b"),))] * 2
    assert trainable(episodes, group_size=2)[1] == 1


def test_without_groups_nobody_is_lonely():
    rows, dropped = trainable([Episode(Task("a", ()), (row("a"),))], group_size=1)
    assert len(rows) == 1
    assert dropped == 0
