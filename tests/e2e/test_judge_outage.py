"""Training on a judge that fails in every way a server can: no reward comes from nowhere."""

import asyncio
import hashlib
import io
import json
import sqlite3
from collections import defaultdict

import pytest
from rich.console import Console

from guerdon.algorithms.grpo import GRPO
from guerdon.batch import Batch
from guerdon.config.check import load
from guerdon.engines.remote import RemoteEngine
from guerdon.errors import BudgetExceeded, RolloutError
from guerdon.llm.answers import Answer
from guerdon.llm.ledger import Ledger
from guerdon.llm.prices import Price
from guerdon.llm.testing import ScriptedServer, random_faults
from guerdon.rewards.judge import Judge
from guerdon.rewards.rubric import load_rubric
from guerdon.rewards.sealed import unseal, visible
from guerdon.rewards.verdict import Unreadable, read_tag
from guerdon.runs import reader
from guerdon.tiny import TinyPolicy
from guerdon.train import loop
from guerdon.train.collect import trainable
from guerdon.train.display import Display
from guerdon.types import Model, Sampling
from judges import TASK, code_of, speaking, verdict

SCALE = load_rubric("quality", "score").scale


def opinion(seen):
    """A score from 1 to 10 that depends on the response alone."""
    return 1 + hashlib.sha256(seen["response"].encode()).digest()[0] % 10


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A tiny policy and prompts."""
    folder = tmp_path_factory.mktemp("given")
    shape = {"hidden": 16, "num_layers": 1, "num_heads": 2, "num_kv_heads": 2, "mlp": 16}
    TinyPolicy(words=["yes", "no", "so", "it", "is"], **shape).save(folder / "model")
    (folder / "tasks.txt").write_text("".join(f"Say {word}.\n" for word in "abcdefghij"))
    return folder


def play(given, folder, server, *overrides, resume=None):
    """A run of ``judge_grpo`` with this judge, in this process."""
    config, values = load(
        "judge_grpo",
        [
            f"models.policy.path={given / 'model'}",
            "models.policy.sampling.max_tokens=6",
            f"tasks.path={given / 'tasks.txt'}",
            f"run.dir={folder}",
            "trainer.steps=1",
            "trainer.tasks_per_step=3",
            "trainer.group_size=6",
            "trainer.eval_every=0",
            "trainer.save_every=1",
            "learner.lr=1e-3",
            "env.reward.llm_model_name=scripted",
            f"models.judge.engine.base_url={server.url}",
            "models.judge.engine.price=free",
            "models.judge.engine.api_key_env=null",
            "models.judge.engine.supports_schema=false",
            "models.judge.engine.timeout_s=0.5",
            *overrides,
        ],
        is_new_run=resume is None,
    )
    console = Console(file=io.StringIO())
    outcome = loop.train(config, values, resume=resume, display=Display(console))
    return outcome.folder


def verdicts(folder):
    """Response -> verdict, from every reply the run has on record."""
    found = {}
    for request, reply in sqlite3.connect(folder / "llm.sqlite").execute(
        "SELECT request, reply FROM replies"
    ):
        user, said = json.loads(request)["messages"][1]["content"], json.loads(reply)
        try:
            value = read_tag(said["text"], f"verdict-{code_of(user)}", SCALE).value
        except Unreadable:
            continue
        if said["outcome"] == "ok":
            found[unseal(user)["response"]] = value
    return found


def assert_traced(folder, step=1):
    """Every stored reward is a recorded verdict; returns the episodes."""
    known, episodes = verdicts(folder), list(reader.read_episodes(folder, step))
    for episode in episodes:
        assert bool(episode.error) != bool(episode.trajectories)
        for row in episode.trajectories:
            text = visible(row.turns[0].action["content"].strip())
            assert row.reward.value == ((known[text] - 1) / 9 if text else 0.0)
            assert not text or known[text] == opinion({"response": text})
    return episodes


def rewards(episodes):
    return [episode.trajectories[0].reward.value for episode in episodes if not episode.error]


FAULTS = {"error": 0.3, "garbage": 0.1, "refuse": 0.1, "truncate": 0.1, "drop": 0.05, "hang": 0.05}


def test_whatever_fails_a_reward_is_a_verdict_and_a_failure_has_none(given, tmp_path):
    impatient = ("models.judge.engine.max_attempts=1", "env.reward.tries=1")
    with ScriptedServer(speaking(opinion)) as server:
        whole = assert_traced(play(given, tmp_path, server, "run.name=whole"))
    with ScriptedServer(speaking(opinion), faults=random_faults(FAULTS, seed=3)) as server:
        lenient = ("run.name=holes", "trainer.max_error_rate=0.95")
        folder = play(given, tmp_path, server, *impatient, *lenient)
    episodes = assert_traced(folder)
    failed = [episode for episode in episodes if episode.error]
    assert 3 <= len(failed) < len(episodes) and not any(episode.error for episode in whole)
    assert all("NoVerdict" in episode.error for episode in failed)
    pairs = zip(whole, episodes, strict=True)  # the same replies: nothing was learned yet
    assert rewards(episodes) == rewards([before for before, after in pairs if not after.error])
    (row,) = [row for row in reader.read_metrics(folder) if row["step"] == 1]
    assert row["rollout/errors"] == len(failed)


def test_groups_with_missing_verdicts_have_the_baseline_of_those_that_are_there(given, tmp_path):
    faults = random_faults({"error": 0.4}, seed=1)
    with ScriptedServer(speaking(opinion), faults=faults) as server:
        lenient = ("models.judge.engine.max_attempts=1", "trainer.max_error_rate=0.95")
        episodes = assert_traced(play(given, tmp_path, server, *lenient))
    rows, _ = trainable(episodes, 6)
    batch = GRPO().estimate(Batch.from_trajectories(rows))
    sums, sizes = defaultdict(float), defaultdict(int)
    for row, values, mask in zip(rows, batch.advantages, batch.action_mask, strict=True):
        sums[row.group] += float(values[mask][0])
        sizes[row.group] += 1
    assert min(sizes.values()) < 6
    assert all(abs(total) < 1e-5 for total in sums.values())


def test_patience_fills_every_hole(given, tmp_path):
    faults = random_faults({**FAULTS, "hang": 0.0}, seed=3)
    with ScriptedServer(speaking(opinion), faults=faults) as server:
        episodes = assert_traced(play(given, tmp_path, server, "env.reward.tries=6"))
    assert not any(episode.error for episode in episodes)
    assert server.hits.total() > 5


def test_a_server_that_dies_for_a_while_only_costs_time(given, tmp_path):
    with ScriptedServer(speaking(opinion), outage=(0.0, 0.7)) as server:
        episodes = assert_traced(play(given, tmp_path, server))
    assert not any(episode.error for episode in episodes)
    assert server.hits["outage"] > 0


def test_a_server_that_stays_away_stops_the_run_and_a_resume_finishes_it(given, tmp_path):
    died = tmp_path / "died"
    steps = ("trainer.steps=3", "models.judge.engine.total_s=0.5")

    def dying(ask):
        if (died / "judge_grpo" / "checkpoints" / "step_000001").exists():
            server.is_down = True
        return speaking(opinion)(ask)

    with ScriptedServer(speaking(opinion)) as server:
        never = play(given, tmp_path / "never", server, *steps)
    with ScriptedServer(dying) as server:
        with pytest.raises(RolloutError, match=r"episodes failed.*NoVerdict: judge 'judge'"):
            play(given, died, server, *steps)
        folder = died / "judge_grpo"
        assert reader.read_run(folder)["status"] == "failed"
        server.script, server.is_down = speaking(opinion), False
        play(given, died, server, *steps, resume=folder)
    assert reader.read_run(folder)["status"] == "completed"
    for step in (1, 2, 3):
        assert_traced(folder, step)
        name = f"episodes/step_{step:06d}.jsonl"
        assert (folder / name).read_bytes() == (never / name).read_bytes()
    kept = [
        [{k: v for k, v in row.items() if not k.startswith(("time/", "llm/"))} for row in rows]
        for rows in map(reader.read_metrics, (folder, never))
    ]
    assert kept[0] == kept[1]


def test_a_judge_that_always_declines_leaves_no_reward_behind(given, tmp_path):
    faults = random_faults({"refuse": 1.0})
    with ScriptedServer(speaking(opinion), faults=faults) as server:
        with pytest.raises(RolloutError, match=r"3 tries \(refused, refused, refused\)"):
            play(given, tmp_path, server)
    episodes = list(reader.read_episodes(tmp_path / "judge_grpo", 1))
    assert len(episodes) == 18 and all(episode.error for episode in episodes)
    assert rewards(episodes) == []


def test_ten_cents_are_never_exceeded_by_64_calls_in_flight():
    price = Price(input=0.1, output=0.4)

    def costly(ask):
        num_bytes = sum(len(message["content"].encode()) for message in ask.messages)
        return Answer(verdict(ask.text, 7), tokens_in=num_bytes, tokens_out=50)

    async def run(server, ledger):
        engine = RemoteEngine("scripted", base_url=server.url, price=price, ledger=ledger)
        sampling = Sampling(temperature=0.0, max_tokens=100)
        models = {"judge": Model(engine, sampling)}
        jobs = [Judge()(TASK, f"Answer {n}", models) for n in range(500)]
        found = await asyncio.gather(*jobs, return_exceptions=True)
        await engine.close()
        return found

    ledger = Ledger(budget_usd=0.10)
    with ScriptedServer(costly, latency_s=0.02) as server:
        found = asyncio.run(run(server, ledger))
    spent = [one for one in found if isinstance(one, BudgetExceeded)]
    worth = [one.value for one in found if not isinstance(one, BudgetExceeded)]
    assert worth == [pytest.approx(6 / 9)] * server.num_calls and len(spent) > 100
    billed = sum(
        sum(len(message["content"].encode()) for message in ask.messages) * 0.1e-6 + 50 * 0.4e-6
        for ask in server.asked
    )
    assert server.max_in_flight == 64
    assert billed <= 0.10 and ledger.spent_usd <= 0.10
    assert billed > 0.09
