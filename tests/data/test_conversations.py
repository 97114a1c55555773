import json

import pytest

from guerdon.data.conversations import ConversationFile
from guerdon.errors import ConfigError

TALK = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_conversations_are_tuples_of_messages_in_file_order(tmp_path, name):
    records = [{"messages": TALK, "source": "x"}, {"messages": TALK * 2}]
    lines = "\n".join(json.dumps(record) for record in records)
    (tmp_path / name).write_text(json.dumps(records) if name == "a.json" else lines)
    path = str(tmp_path / name)
    assert ConversationFile(path=path).load() == [tuple(TALK), tuple(TALK * 2)]
    assert ConversationFile(path=path, limit=1).load() == [tuple(TALK)]
    assert ConversationFile(path=path).problems() == []


def test_malformed_conversations_are_named_by_file_and_line(tmp_path):
    records = [
        {"messages": TALK},
        {"messages": TALK[:1]},
        {"text": "Hi"},
        {"messages": [{"role": "bot", "content": "x"}]},
        {"messages": TALK[1:]},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + "{\n")
    with pytest.raises(ConfigError) as caught:
        ConversationFile(path=str(path)).load()
    problems = caught.value.problems
    assert "5 of 6 rows are malformed" in problems[0]
    text = "\n".join(problems)
    assert "a.jsonl:2: the conversation does not end with the assistant" in text
    assert "a.jsonl:3: no messages; its keys: text" in text
    assert "a.jsonl:4: message 1 has the role 'bot'" in text
    assert "a.jsonl:5: the conversation has no user message" in text
    assert "a.jsonl:6: not JSON" in text
    assert ConversationFile(path=str(path), max_bad_rows=5).load() == [tuple(TALK)]


def test_a_missing_file_is_a_problem_and_not_an_exception_of_check(tmp_path):
    (problem,) = ConversationFile(path=str(tmp_path / "none.jsonl")).problems()
    assert "no such file" in problem
