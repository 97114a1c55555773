from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.batch import Batch
from guerdon.types import Reward, Trajectory, Turn

ACTION = {"role": "assistant", "content": "a"}


def row(spans, length, *, rewards=(), outcome=0.0, group="g", status="completed", first=10):
    """A trajectory of ``length`` tokens numbered from ``first``, sampled inside ``spans``."""
    rewards = [*rewards, *[0.0] * (len(spans) - len(rewards))]
    turns = tuple(Turn((), ACTION, span, reward=r) for span, r in zip(spans, rewards, strict=True))
    mask = tuple(any(a <= i < b for a, b in spans) for i in range(length))
    return Trajectory(
        role="policy",
        group=group,
        turns=turns,
        token_ids=tuple(range(first, first + length)),
        action_mask=mask,
        logprobs=tuple(-1.0 * m for m in mask),
        reward=Reward(outcome),
        status=status,
        temperature=0.5,
    )


def test_golden_two_rows():
    batch = Batch.from_trajectories(
        [
            row([(2, 4), (5, 6)], 6, rewards=[0.5, 0.25], outcome=2.0, group="a"),
            row([(1, 3)], 3, rewards=[-1.0], outcome=0.0, group="b", status="truncated"),
        ],
        pad_id=99,
    )
    assert batch.token_ids.tolist() == [[10, 11, 12, 13, 14, 15], [10, 11, 12, 99, 99, 99]]
    assert batch.action_mask.int().tolist() == [[0, 0, 1, 1, 0, 1], [0, 1, 1, 0, 0, 0]]
    assert batch.logprobs.tolist() == [[0, 0, -1, -1, 0, -1], [0, -1, -1, 0, 0, 0]]
    assert batch.rewards.tolist() == [[0, 0, 0, 0.5, 0, 2.25], [0, 0, -1, 0, 0, 0]]
    assert batch.turn_ends.int().tolist() == [[0, 0, 0, 1, 0, 1], [0, 0, 1, 0, 0, 0]]
    assert batch.lengths.tolist() == [6, 3]
    assert batch.group.tolist() == [0, 1]
    assert batch.truncated.tolist() == [False, True]
    assert batch.temperature.tolist() == [0.5, 0.5]
    assert (batch.num_actions, batch.num_rows, batch.size) == (5, 2, 2)
    assert batch.old_logprobs is batch.advantages is batch.values is None


def test_a_turn_without_tokens_pays_at_the_last_token_before_it():
    batch = Batch.from_trajectories([row([(1, 3), (4, 4)], 4, rewards=[1.0, 5.0], outcome=0.5)])
    assert batch.rewards.tolist() == [[0, 0, 6.5, 0]]
    assert batch.turn_ends.int().tolist() == [[0, 0, 1, 0]]


def test_an_empty_first_turn_pays_with_the_turn_after_it():
    batch = Batch.from_trajectories([row([(1, 1), (2, 4)], 4, rewards=[1.0, 2.0])])
    assert batch.rewards.tolist() == [[0, 0, 0, 3.0]]


def test_roles_are_numbered_by_first_appearance():
    rows = [replace(row([(0, 1)], 1), role=r) for r in ("solver", "proposer", "solver")]
    assert Batch.from_trajectories(rows).role.tolist() == [0, 1, 0]


def test_groups_are_numbered_by_first_appearance():
    rows = [row([(0, 1)], 1, group=g) for g in ("z", "a", "z", "m", "a")]
    assert Batch.from_trajectories(rows).group.tolist() == [0, 1, 0, 2, 1]


def test_rows_that_cannot_be_trained_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        Batch.from_trajectories([])
    with pytest.raises(ValueError, match=r"row 1 \(group 'h'\) has no sampled token"):
        Batch.from_trajectories([row([(0, 1)], 2), row([(2, 2)], 2, group="h")])


@st.composite
def drawn_rows(draw):
    number = st.floats(-3, 3, width=16)
    rows = []
    for i in range(draw(st.integers(1, 5))):
        at, spans = 0, []
        for gap, length in draw(
            st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=4)
        ):
            spans.append((at + gap, at + gap + length))
            at += gap + length
        spans.append((at, at + 1))
        rewards = draw(st.lists(number, min_size=len(spans), max_size=len(spans)))
        group = draw(st.sampled_from("abc"))
        more = {"rewards": rewards, "outcome": draw(number), "group": group, "first": 100 * i}
        rows.append({"spans": spans, "length": at + 1, **more})
    return rows


@given(drawn_rows())
@settings(max_examples=50, deadline=None)
def test_no_reward_is_lost_or_paid_off_the_mask(drawn):
    trajectories = [row(**spec) for spec in drawn]
    batch = Batch.from_trajectories(trajectories)
    totals = torch.tensor([t.total_reward for t in trajectories])
    torch.testing.assert_close(batch.rewards.sum(dim=1), totals)
    assert not batch.rewards[~batch.action_mask].any()
    assert not batch.turn_ends[~batch.action_mask].any()
    assert not batch.rewards[~batch.turn_ends].any()


@given(drawn_rows())
@settings(max_examples=50, deadline=None)
def test_rows_are_the_trajectories_and_padding_is_inert(drawn):
    trajectories = [row(**spec) for spec in drawn]
    batch = Batch.from_trajectories(trajectories, pad_id=7)
    assert batch.num_actions == sum(sum(t.action_mask) for t in trajectories)
    for i, trajectory in enumerate(trajectories):
        length = int(batch.lengths[i])
        assert tuple(batch.token_ids[i, :length].tolist()) == trajectory.token_ids
        assert tuple(batch.action_mask[i, :length].tolist()) == trajectory.action_mask
        assert (batch.token_ids[i, length:] == 7).all()
        for padded in (batch.action_mask, batch.logprobs, batch.rewards, batch.turn_ends):
            assert not padded[i, length:].any()


@given(drawn_rows(), st.integers(1, 4), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_minibatches_partition_the_rows_and_count_their_own(drawn, parts, random):
    trajectories = [row(**spec) for spec in drawn]
    batch = Batch.from_trajectories(trajectories)
    order = list(range(batch.size))
    random.shuffle(order)
    minibatches = list(batch.split(torch.tensor(order), parts))
    assert len(minibatches) == parts
    assert torch.equal(torch.cat([m.token_ids for m in minibatches]), batch.token_ids[order])
    assert sum(m.num_actions for m in minibatches) == batch.num_actions
    assert sum(m.num_rows for m in minibatches) == batch.num_rows
    assert all(m.num_actions == int(m.action_mask.sum()) for m in minibatches)


def test_selecting_keeps_the_counts_of_the_step():
    rows = [row([(0, n)], n, first=10 * n) for n in (1, 2, 3)]
    batch = Batch.from_trajectories(rows).with_(advantages=torch.arange(9.0).view(3, 3))
    for picked in (batch.select([2, 0]), batch.select(torch.tensor([2, 0]))):
        assert (picked.num_actions, picked.num_rows, picked.size) == (6, 3, 2)
        assert picked.token_ids[:, 0].tolist() == [30, 10]
        assert picked.advantages.tolist() == [[6.0, 7.0, 8.0], [0.0, 1.0, 2.0]]
        assert picked.values is None
    by_mask = batch.select(torch.tensor([True, False, True]))
    assert by_mask.token_ids[:, 0].tolist() == [10, 30]


def test_selecting_no_row_gives_an_empty_part():
    batch = Batch.from_trajectories([row([(0, 1)], 1)])
    assert batch.select([]).size == 0
    assert batch.select(torch.tensor([False])).size == 0


def test_signal_is_an_advantage_that_is_not_zero():
    batch = Batch.from_trajectories([row([(0, 2)], 2) for _ in range(3)])
    batch = batch.with_(advantages=torch.tensor([[0.0, 0.0], [0.0, -1.0], [1.0, -1.0]]))
    assert batch.has_signal.tolist() == [False, True, True]


def test_moving_moves_every_tensor():
    batch = Batch.from_trajectories([row([(0, 1)], 1)]).with_(values=torch.zeros(1, 1))
    moved = batch.to("meta")
    assert moved.values.device.type == moved.token_ids.device.type == "meta"
    assert moved.num_rows == 1 and moved.returns is None


def test_parts_of_the_outcome_are_columns_by_name():
    rows = [
        replace(row([(1, 2)], 2), reward=Reward(1.0, {"right": 1.0, "style": 0.5})),
        replace(row([(1, 2)], 2), reward=Reward(0.0, {"right": 0.0})),
    ]
    batch = Batch.from_trajectories(rows)
    assert batch.part_names == ("right", "style")
    assert batch.parts[0].tolist() == [1.0, 0.5]
    assert batch.parts[1, 0] == 0.0 and batch.parts[1, 1].isnan()
    assert batch.select([1]).parts.shape == (1, 2)
    assert Batch.from_trajectories([row([(1, 2)], 2)]).parts is None


def test_rows_of_one_episode_weigh_as_much_as_one_row_of_another():
    one, half = row([(1, 3)], 3), replace(row([(1, 3)], 3), weight=0.5)
    assert Batch.from_trajectories([one, one]).row_weight is None
    weight = Batch.from_trajectories([one, half, half]).row_weight
    assert weight.tolist() == pytest.approx([1.5, 0.75, 0.75])
