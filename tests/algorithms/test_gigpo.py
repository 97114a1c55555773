import torch
from torch import tensor
from torch.testing import assert_close

from algorithms.batches import draw, random_batch
from guerdon.algorithms import GRPO, GiGPO
from guerdon.batch import Batch
from guerdon.types import Reward, Trajectory, Turn


def test_steps_are_compared_with_those_of_the_group_in_the_same_state():
    # two members, two turns each; both begin in state 0, then one is in state 1, the other in 2
    batch = draw(["oeoe", "oeoe"], [[0, 1], [0, 0]])
    batch = batch.with_(states=tensor([[-1, 0, -1, 1], [-1, 0, -1, 2]]))
    got = GiGPO(norm="none", gamma=0.5, step_coef=2.0).estimate(batch).advantages
    # episode: +-.5. step, state 0: returns .5 and 0, so +-.25; states 1 and 2 were met once: 0
    assert_close(got, tensor([[0.0, 1.0, 0, 0.5], [0, -1.0, 0, -0.5]]))


def test_a_state_that_one_member_meets_twice_is_compared_with_itself():
    batch = draw(["oeoe", "oe"], [[0, 1], [1]])
    batch = batch.with_(states=tensor([[-1, 5, -1, 5], [-1, 7, -1, -1]]))
    got = GiGPO(norm="none", gamma=0.5).estimate(batch).advantages
    # equal returns of episodes: 0. state 5: returns .5 and 1, mean .75
    assert_close(got, tensor([[0.0, -0.25, 0, 0.25], [0, 0, 0, 0]]))


def test_the_same_state_in_another_group_is_another_state():
    batch = draw(["oe", "oe"], [[1], [0]], group=[0, 1]).with_(states=tensor([[-1, 3], [-1, 3]]))
    assert (GiGPO(norm="none").estimate(batch).advantages == 0).all()


def test_without_the_step_part_it_is_grpo():
    batch = random_batch(3)
    assert_close(GiGPO(step_coef=0.0).estimate(batch).advantages, GRPO().estimate(batch).advantages)


def trajectory(*turns):
    """One token for each observation and each action; (what is seen, what the state is called)."""
    n = len(turns)
    return Trajectory(
        role="policy",
        group="g",
        turns=tuple(
            Turn(
                ({"role": "user", "content": seen},),
                {"role": "assistant", "content": "x"},
                (2 * i + 1, 2 * i + 2),
                state=state,
            )
            for i, (seen, state) in enumerate(turns)
        ),
        token_ids=(1, 2) * n,
        action_mask=(False, True) * n,
        logprobs=(0.0, -1.0) * n,
        reward=Reward(1.0),
    )


def test_a_state_is_what_the_environment_calls_it_else_what_was_observed():
    rows = [trajectory(("a", None), ("b", "room 1")), trajectory(("c", "room 1"), ("a", None))]
    states = Batch.from_trajectories(rows).states
    assert states.tolist() == [[-1, 0, -1, 1], [-1, 1, -1, 0]]
    assert torch.equal(states >= 0, Batch.from_trajectories(rows).turn_ends)
