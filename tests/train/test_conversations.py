import pytest

from guerdon import hf
from guerdon.batch import Batch
from guerdon.errors import ConfigError
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.train.conversations import load, shuffled, to_trajectory

TALK = (
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
    {"role": "assistant", "content": "four"},
)


def source(talks):
    return {"_target_": "config_parts.Talks", "talks": talks}


def test_a_conversation_is_the_row_the_policy_would_have_made(tmp_path):
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(tmp_path)
    template = ChatTemplate(hf.load_tokenizer(tmp_path))
    row = to_trajectory(template, TALK)
    whole = template.tokenizer.apply_chat_template(list(TALK), tokenize=False)
    text = template.tokenizer.decode(row.token_ids)
    assert whole.startswith(text)
    spoken = [template.tokenizer.decode(row.token_ids[slice(*turn.span)]) for turn in row.turns]
    assert spoken == ["two<|im_end|>", "four<|im_end|>"]
    assert Batch.from_trajectories([row]).num_actions == sum(row.action_mask) > 0


def test_conversations_come_as_their_source_has_them():
    assert load(source([list(TALK), list(TALK[:2])]), "warmup.source") == [
        list(TALK),
        list(TALK[:2]),
    ]


@pytest.mark.parametrize(
    ("talks", "line"),
    [
        ([list(TALK), list(TALK[:1])], "conversation 2 has no assistant message to learn from"),
        ([], "gives no conversation at all"),
        (None, "gives no list of conversations but NoneType; use guerdon.data.conversations."),
    ],
)
def test_a_source_without_anything_to_imitate_is_refused(talks, line):
    with pytest.raises(ConfigError, match=rf"ptx\.source: {line}"):
        load(source(talks), "ptx.source")


def test_all_conversations_come_once_before_any_comes_again():
    order = shuffled(5, 12, seed=1)
    assert sorted(order[:5]) == sorted(order[5:10]) == [0, 1, 2, 3, 4]
    assert len(order) == 12
    assert order == shuffled(5, 12, seed=1) != shuffled(5, 12, seed=2)
