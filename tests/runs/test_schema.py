import json
import math

from guerdon.runs.schema import dump_line, episode_from_json, episode_to_json
from guerdon.types import Episode, Reward, Task, Trajectory, Turn

TASK = Task("t", ({"role": "user", "content": "héllo"},), answer="1", info={"map": ["SF", "HG"]})
TRAJECTORY = Trajectory(
    role="policy",
    group="t",
    turns=(
        Turn(
            TASK.prompt,
            {"role": "assistant", "content": "a"},
            (2, 4),
            reward=0.5,
            version=3,
            state="s",
        ),
        Turn(
            ({"role": "user", "content": "more"},),
            {"role": "assistant", "content": ""},
            (5, 6),
            finish_reason="length",
        ),
    ),
    token_ids=(9, 8, 7, 6, 5, 4),
    action_mask=(False, False, True, True, False, True),
    logprobs=(0.0, 0.0, -0.1, -2.0000000298, 0.0, -0.5),
    reward=Reward(1.0, {"right": 1.0}, "because"),
    status="truncated",
    temperature=0.7,
    weight=0.5,
)


def test_an_episode_survives_its_json_line_exactly():
    episode = Episode(TASK, (TRAJECTORY,), (TASK,), {"success": 1.0})
    line = dump_line(episode_to_json(episode))
    assert episode_from_json(json.loads(line)) == episode


def test_a_failed_episode_survives_its_json_line():
    episode = Episode(TASK, error="RewardError: the judge is down")
    assert episode_from_json(json.loads(dump_line(episode_to_json(episode)))) == episode


def test_each_token_is_stored_once():
    record = episode_to_json(Episode(TASK, (TRAJECTORY,)))["trajectories"][0]
    assert record["token_ids"] == TRAJECTORY.token_ids
    assert record["logprobs"] == [-0.1, -2.0000000298, -0.5]
    assert "action_mask" not in record


def test_numbers_that_are_not_finite_become_null():
    line = dump_line({"a": math.nan, "b": [1.0, math.inf], "c": {"d": -math.inf}})
    assert json.loads(line) == {"a": None, "b": [1.0, None], "c": {"d": None}}
