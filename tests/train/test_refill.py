"""Groups that teach nothing are counted, and replaced where that is asked for."""

import asyncio

from guerdon.train.refill import play_groups, silent_groups
from guerdon.types import Episode, Reward, Task, Trajectory, Turn


def episode(group, reward, turns=(), error=None):
    said = {"role": "assistant", "content": "x"}
    made = tuple(Turn((), said, (0, 1), reward=one) for one in turns)
    row = Trajectory("policy", group, made, (1,), (True,), (0.0,), Reward(reward))
    return Episode(Task(group, ()), (row,), error=error)


class World:
    """Deals tasks 0, 1, 2, ... in groups of two; those of ``telling`` differ in reward."""

    def __init__(self, telling):
        self.telling, self.num_dealt, self.rounds = telling, 0, []

    def deal(self, num):
        start, self.num_dealt = self.num_dealt, self.num_dealt + num
        return [Task(str(n), ()) for n in range(start, self.num_dealt)]

    async def play(self, tasks, number):
        self.rounds.append((number, len(tasks)))
        return [
            episode(task.id, float(member and int(task.id) in self.telling))
            for task in tasks
            for member in (0, 1)
        ]

    def run(self, num_tasks, max_refills):
        return asyncio.run(play_groups(self.deal, self.play, num_tasks, max_refills))


def test_without_refills_silent_groups_are_counted_and_kept():
    world = World({1})
    episodes, left_out, counts = world.run(4, 0)
    assert world.rounds == [(0, 4)] and len(episodes) == 8
    assert counts == {"rollout/silent_groups": 3.0, "rollout/refills": 0.0}
    assert left_out == set()


def test_silent_groups_are_replaced_until_enough_tell_something():
    world = World({1, 3, 5, 6})
    episodes, left_out, counts = world.run(4, 5)
    assert world.rounds == [(0, 4), (1, 2), (2, 1)]
    assert left_out == {"0", "2", "4"} and len(episodes) == 14
    assert counts == {"rollout/silent_groups": 3.0, "rollout/refills": 2.0}


def test_rounds_are_limited_and_none_is_needed_where_all_tell():
    assert World(set()).run(2, 3)[2] == {"rollout/silent_groups": 8.0, "rollout/refills": 3.0}
    assert World({0, 1}).run(2, 3)[2] == {"rollout/silent_groups": 0.0, "rollout/refills": 0.0}


def test_a_group_is_silent_if_its_members_earned_the_same_turn_by_turn():
    assert silent_groups([episode("a", 1.0, (0.5,)), episode("a", 1.0, (0.5,))]) == {"a"}
    assert silent_groups([episode("a", 1.0, (0.5, 0.0)), episode("a", 1.0, (0.0, 0.5))]) == set()
    assert silent_groups([episode("a", 1.0)]) == set()  # nobody to compare with
    assert silent_groups([episode("a", 1.0), episode("a", 0.0, error="lost")]) == set()
