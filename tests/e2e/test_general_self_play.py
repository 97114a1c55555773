"""General self-play as runs: they go on exactly, and no failure of a judge becomes a reward."""

import json

import pytest

from guerdon.errors import RolloutError
from guerdon.rewards.sealed import unseal, visible
from guerdon.runs import reader
from self_play_parts import calls, play, record, verdicts

DYING = "models.judge.engine.script={_target_: self_play_parts.MortalJudge, dies_after: %d}"
IMPATIENT = ("models.judge.engine.max_attempts=1", "models.judge.engine.total_s=0.5")
STRICT = ("trainer.max_error_rate=0", "env.min_judged=1")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return play(tmp_path_factory.mktemp("whole"))


def grown(folder):
    lines = (reader.checkpoints(folder)[-1] / "tasks.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def test_the_pool_grows_by_judged_questions_that_are_not_held_out(uninterrupted):
    tasks = grown(uninterrupted)
    assert tasks and len({task["id"] for task in tasks}) == len(tasks)
    held_out = {
        episode.task.prompt[0]["content"]
        for episode in reader.read_episodes(uninterrupted, 0, part="eval")
    }
    for task in tasks:
        assert task["info"]["origin"]["score"] == 1.0
        assert 0.0 <= task["info"]["origin"]["difficulty"] <= 1.0
        assert task["prompt"][0]["content"] not in held_out


def test_every_reward_is_a_verdict_of_the_judge(uninterrupted):
    said = {}
    for request, reply in verdicts(uninterrupted).items():
        texts = unseal(json.loads(request)["messages"][-1]["content"])
        verdict = json.loads(json.loads(reply)["text"])["verdict"]
        said[texts.get("question"), texts["response"]] = (verdict - 1) / 9
    episodes = [e for step in (1, 2, 3, 4) for e in reader.read_episodes(uninterrupted, step)]
    rows = [row for episode in episodes for row in episode.trajectories if row.role == "solver"]
    judged = 0
    for row in rows:
        question = row.turns[0].observation[0]["content"].removesuffix("=")
        answer = visible(row.turns[0].action["content"].strip())
        if answer.strip():  # of one that shows nothing, nobody is asked
            assert said[question, answer] == row.reward.parts["score"] == row.reward.value
            judged += 1
        else:
            assert row.reward.value == 0.0
    assert judged > len(rows) / 2


def test_a_judge_that_is_gone_for_a_while_changes_nothing(uninterrupted, tmp_path):
    folder = play(tmp_path, "models.judge.engine.outage=[0.2,1.5]")
    assert calls(folder)["failed"] > 0
    assert record(folder) == record(uninterrupted)


@pytest.mark.parametrize("dies_after", [40])
def test_a_judge_that_dies_stops_the_run_which_then_goes_on_as_if_nothing_had_been(
    dies_after, uninterrupted, tmp_path
):
    with pytest.raises(RolloutError, match=r"judge 'judge' \(transport\)"):
        play(tmp_path, DYING % dies_after, *IMPATIENT, *STRICT)
    folder = tmp_path / "run"
    done = [row["step"] for row in reader.read_metrics(folder)]
    assert 0 < done[-1] < 4, "it was to die in the middle"
    assert {task["info"]["origin"]["step"] for task in grown(folder)} <= set(done)
    known = verdicts(uninterrupted)
    assert all(known[request] == reply for request, reply in verdicts(folder).items())
    play(tmp_path, resume=folder)
    assert record(folder) == record(uninterrupted)
