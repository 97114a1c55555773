import json

import pytest
import torch

from guerdon import hf
from guerdon.config.schema import Learner as LearnerSettings
from guerdon.config.schema import Ptx as Settings
from guerdon.errors import ConfigError, RolloutError
from guerdon.learner.learner import Learner
from guerdon.learner.models import PolicyModels
from guerdon.runs import reader
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.train.ptx import Ptx
from policy_rows import Surrogate
from small_runs import play, server_dies_in_step_2, untimed


@pytest.fixture
def talks(tmp_path):
    """Seven short conversations, as a file and as an override that mixes them in."""
    file = tmp_path / "talks.jsonl"
    lines = [
        {"messages": [{"role": "user", "content": "say"}, {"role": "assistant", "content": word}]}
        for word in ("one", "two", "three", "four", "five", "six", "seven")
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    source = f"{{_target_: guerdon.data.conversations.ConversationFile, path: '{file}'}}"
    return f"ptx={{source: {source}, coef: 0.5, batch_size: 3}}"


def test_each_update_goes_on_where_the_one_before_stopped(tmp_path):
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(tmp_path)
    tokenizer = hf.load_tokenizer(tmp_path)
    words = [str(number) for number in range(5)]
    talks = [
        [{"role": "user", "content": "say"}, {"role": "assistant", "content": word}]
        for word in words
    ]
    settings = Settings(source={}, coef=1.0, batch_size=2)
    ptx = Ptx(settings, talks, ChatTemplate(tokenizer), seed=3)
    models = PolicyModels(hf.load_model(tmp_path, dtype=torch.float32), tokenizer)
    twice = LearnerSettings(epochs=2)
    learner = Learner(models, Surrogate(), twice, total_steps=1)
    said = []
    for step in range(5):
        learner.step = step
        batch = ptx.rows(learner).batch
        assert batch.size == 4
        said += [
            tokenizer.decode(ids[mask])
            for ids, mask in zip(batch.token_ids, batch.action_mask, strict=True)
        ]
    passes = [sorted(said[at : at + 5]) for at in range(0, 20, 5)]
    assert passes == [[f"{word}<|im_end|>" for word in words]] * 4
    assert said[:5] != said[5:10]


def test_the_policy_comes_to_say_what_is_mixed_in(tmp_path, talks):
    outcome, _ = play(tmp_path, talks, "trainer.steps=8", "learner.lr=1e-2")
    losses = [row["policy/ptx_loss"] for row in reader.read_metrics(outcome.folder)[1:]]
    assert len(losses) == 8
    assert losses[-1] < losses[0] - 1.0  # nats per token


def test_a_run_that_failed_goes_on_with_the_conversations_it_would_have_had(tmp_path, talks):
    whole, _ = play(tmp_path, talks, name="whole")
    assert all("policy/ptx_loss" in row for row in untimed(whole.folder)[1:])
    with server_dies_in_step_2(), pytest.raises(RolloutError, match="the server died"):
        play(tmp_path, talks, "trainer.max_error_rate=0.1")
    folder = tmp_path / "small"
    outcome, _ = play(tmp_path, talks, "trainer.max_error_rate=0.1", resume=folder)
    assert untimed(outcome.folder) == untimed(whole.folder)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("ptx.batch_size=0", "ptx.batch_size: must be at least 1, got 0"),
        ("ptx.coef=-1", "ptx.coef: must be at least 0, got -1.0"),
        ("~ptx.coef", "ptx.coef is required: give it as ptx.coef=VALUE or in the YAML"),
        (
            "ptx.source.path=no/where.jsonl",
            "ptx.source: no/where.jsonl: no such file (nor is there a folder no)",
        ),
    ],
)
def test_what_is_wrong_is_said_before_a_run_starts(tmp_path, talks, change, line):
    with pytest.raises(ConfigError) as error:
        play(tmp_path, talks, change)
    assert error.value.problems == [line]
