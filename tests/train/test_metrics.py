import pytest

from guerdon.train.metrics import Stopwatch, of_episodes, repetition
from guerdon.types import Episode, Reward, Task, Trajectory, Turn


def row(reward, role="policy", turn_rewards=(0.0,), parts=None, status="completed"):
    turns = tuple(
        Turn((), {"role": "assistant", "content": "x"}, (i, i + 1), reward=r)
        for i, r in enumerate(turn_rewards)
    )
    n = len(turns)
    return Trajectory(
        role=role,
        group="g",
        turns=turns,
        token_ids=(1,) * n,
        action_mask=(True,) * n,
        logprobs=(-1.0,) * n,
        reward=Reward(reward, parts or {}),
        status=status,
    )


def episode(*rows, domain="default", error=None, **metrics):
    return Episode(Task("t", (), domain=domain), tuple(rows), metrics=metrics, error=error)


def test_means_are_over_the_episodes_that_did_not_fail():
    found = of_episodes([episode(row(1.0)), episode(row(0.0)), episode(error="server died")])
    assert found["rollout/episodes"] == 3
    assert found["rollout/errors"] == 1
    assert found["reward/mean"] == 0.5
    assert found["reward/std"] == 0.5


def test_a_step_without_one_valid_episode_has_counts_and_no_reward():
    assert of_episodes([episode(error="x")]) == {"rollout/episodes": 1.0, "rollout/errors": 1.0}


def test_rewards_of_turns_and_of_the_outcome_add_up():
    found = of_episodes([episode(row(1.0, turn_rewards=(0.25, 0.5), status="truncated"))])
    assert found["reward/mean"] == 1.75
    assert found["rollout/turns"] == 2
    assert found["rollout/action_tokens"] == 2
    assert found["rollout/truncated_frac"] == 1


def test_roles_are_told_apart_only_where_there_are_several():
    both = of_episodes([episode(row(1.0, role="solver"), row(0.5, role="proposer"))])
    assert (both["reward/solver"], both["reward/proposer"]) == (1.0, 0.5)
    assert "reward/policy" not in of_episodes([episode(row(1.0))])


def test_parts_of_a_reward_are_means_over_the_rows_that_have_them():
    found = of_episodes([episode(row(1.0, parts={"format": 1.0})), episode(row(0.0))])
    assert found["reward/part/format"] == 1.0


def test_what_an_environment_reports_is_there_and_by_domain_where_there_are_several():
    found = of_episodes(
        [
            episode(row(1.0), domain="a", success=1.0),
            episode(row(0.0), domain="b", success=0.0),
        ]
    )
    assert found["rollout/success"] == 0.5
    assert (found["rollout/a/success"], found["rollout/b/success"]) == (1.0, 0.0)
    assert "rollout/default/success" not in of_episodes([episode(row(1.0), success=1.0)])


def test_a_task_is_solved_if_one_of_its_episodes_solved_it():
    def of(task, success):
        return Episode(Task(task, ()), (row(0.0),), metrics={"success": success})

    found = of_episodes([of("a", 0.0), of("a", 1.0), of("b", 0.0), of("c", 1.0)])
    assert found["rollout/solved_tasks_frac"] == pytest.approx(2 / 3)
    assert "rollout/solved_tasks_frac" not in of_episodes([episode(row(1.0))])


def test_repetition_is_the_share_of_four_grams_that_came_before_in_the_same_reply():
    def says(*replies):
        tokens = tuple(token for reply in replies for token in reply)
        turns, start = [], 0
        for reply in replies:
            span = (start, start + len(reply))
            turns.append(Turn((), {"role": "assistant", "content": ""}, span))
            start = span[1]
        n = len(tokens)
        return Trajectory("p", "g", tuple(turns), tokens, (True,) * n, (0.0,) * n, Reward(0.0))

    assert repetition(says((1, 2, 3, 4, 5))) == 0.0
    assert repetition(says((7,) * 8)) == pytest.approx(4 / 5)
    assert repetition(says((1, 2, 3, 4), (1, 2, 3, 4))) == 0.0
    assert repetition(says((1, 2))) == 0.0


def test_a_stopwatch_adds_up_the_visits_of_a_phase():
    watch = Stopwatch()
    for _ in range(2):
        with watch("act"):
            pass
    with pytest.raises(ValueError, match="inside"), watch("learn"):
        raise ValueError("inside")
    found = watch.to_metrics(num_tokens=10.0)
    assert set(found) == {"time/act_s", "time/learn_s", "time/step_s", "time/tokens_per_s"}
    assert found["time/step_s"] >= found["time/act_s"] + found["time/learn_s"]
