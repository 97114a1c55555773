"""A group of replies that are worth what they are beside each other."""

import asyncio
from dataclasses import dataclass

import pytest

from guerdon.config.check import check
from guerdon.envs.compared import Compared, Ranks
from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.ranking import Listwise, Tournament
from guerdon.tiny import TinyPolicy
from guerdon.train.collect import trainable
from guerdon.types import Env, Reward, Task

TASK = Task("capital", ({"role": "user", "content": "Capital of France?"},))


@dataclass
class ByPlace:
    """The n-th response is worth n; or one reward is missing."""

    missing: int = 0

    async def rank(self, task, responses, models):
        return [Reward(float(n)) for n in range(len(responses) - self.missing)]


def test_an_episode_is_a_group_whose_members_are_sampled_apart(script):
    env = Compared(ranking=ByPlace(), size=3, system="Be brief.")
    assert isinstance(env, Env)
    models = script(" paris", " lyon", " nice")
    episode = asyncio.run(env.rollout(TASK, models))
    rows = episode.trajectories
    assert [row.reward.value for row in rows] == [0.0, 1.0, 2.0]
    assert {row.group for row in rows} == {"capital"}
    assert len(set(models["policy"].engine.seeds)) == 3
    assert rows[0].turns[0].observation[0] == {"role": "system", "content": "Be brief."}
    assert trainable([episode], 1) == (list(rows), 0)


def test_a_ranking_that_loses_a_reply_fails_the_group(script):
    env = Compared(ranking=ByPlace(missing=1), size=2)
    with pytest.raises(RewardError, match="1 rewards for 2 replies"):
        asyncio.run(env.rollout(TASK, script(" a", " b")))


def test_both_rankings_fit_and_a_group_of_one_does_not():
    assert isinstance(Tournament(), Ranks) and isinstance(Listwise(), Ranks)
    with pytest.raises(ConfigError, match="size must be at least 2"):
        Compared(ranking=ByPlace(), size=1)


def test_a_configuration_with_groups_of_its_own_passes_check(tmp_path):
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(tmp_path / "model")
    (tmp_path / "tasks.txt").write_text("one\ntwo\n")
    ranking = {"_target_": "guerdon.rewards.ranking.Tournament", "model": ["judge", "other"]}
    judge = {"engine": {"_target_": "guerdon.engines.remote.RemoteEngine", "model": "m"}}
    judge["engine"] |= {"base_url": "http://127.0.0.1:1/v1", "price": "free"}
    values = {
        "run": {"name": "x", "dir": str(tmp_path)},
        "trainer": {"steps": 1, "tasks_per_step": 1},
        "models": {"policy": {"path": str(tmp_path / "model")}, "judge": judge, "other": judge},
        "algorithm": {"_target_": "guerdon.algorithms.grpo.GRPO"},
        "env": {"_target_": "guerdon.envs.compared.Compared", "ranking": ranking, "size": 4},
        "tasks": {"_target_": "guerdon.data.files.TaskFile", "path": str(tmp_path / "tasks.txt")},
    }
    assert check(values).problems == []
    del values["models"]["other"]
    assert "no model 'other' in models" in "\n".join(check(values).problems)
