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


def test_rows_of_questions_and_answers_are_conversations_of_two_messages(tmp_path):
    path = tmp_path / "a.jsonl"
    records = [
        {"instruction": "Say", "input": "it", "output": "It."},
        {"instruction": "Say nothing", "input": "", "output": ""},
        {"instruction": "Say", "input": None, "output": "x"},
        {"instruction": "", "input": "", "output": "x"},
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    columns = {"prompt": ("instruction", "input"), "response": "output"}
    found = ConversationFile(path=str(path), **columns, max_bad_rows=2).load()
    assert [[message["content"] for message in talk] for talk in found] == [
        ["Say it", "It."],
        ["Say nothing", ""],
    ]
    assert [message["role"] for message in found[0]] == ["user", "assistant"]
    (problem,) = ConversationFile(path=str(path), **columns).problems()[:1]
    assert "2 of 4 rows are malformed" in problem
    text = "\n".join(ConversationFile(path=str(path), **columns).problems())
    assert "a.jsonl:3: no text in 'input'; its keys: instruction, input, output" in text
    assert "a.jsonl:4: no question in instruction, input" in text
    with pytest.raises(ConfigError, match="go together"):
        ConversationFile(path=str(path), prompt=("instruction",))


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
