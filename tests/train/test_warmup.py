import pytest

from guerdon import hf
from guerdon.batch import Batch
from guerdon.config.build import build
from guerdon.errors import ConfigError
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.train.warmup import _order, to_trajectory
from small_runs import configuration

TALK = (
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
    {"role": "assistant", "content": "four"},
)


@pytest.fixture
def template(tmp_path):
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(tmp_path)
    return ChatTemplate(hf.load_tokenizer(tmp_path))


def test_a_conversation_is_the_row_the_policy_would_have_made(template):
    row = to_trajectory(template, TALK)
    whole = template.tokenizer.apply_chat_template(list(TALK), tokenize=False)
    text = template.tokenizer.decode(row.token_ids)
    assert whole.startswith(text)
    spoken = [template.tokenizer.decode(row.token_ids[slice(*turn.span)]) for turn in row.turns]
    assert spoken == ["two<|im_end|>", "four<|im_end|>"]
    assert Batch.from_trajectories([row]).num_actions == sum(row.action_mask) > 0


def test_a_conversation_without_a_reply_is_refused(template):
    with pytest.raises(ConfigError, match="no assistant message"):
        to_trajectory(template, TALK[:1])


def test_all_conversations_come_once_before_any_comes_again():
    order = _order(5, 12, seed=1)
    assert sorted(order[:5]) == sorted(order[5:10]) == [0, 1, 2, 3, 4]
    assert len(order) == 12
    assert order == _order(5, 12, seed=1) != _order(5, 12, seed=2)


def test_the_quickstarts_conversations_are_on_training_maps_only(tmp_path):
    config, _ = configuration(tmp_path)
    source = build(config.warmup.source)
    sets = source.tasks.load()
    held_out = {task.id for task in sets.held_out}
    assert held_out.isdisjoint(task.id for task in sets.train)
    assert len(source.load()) == 8
