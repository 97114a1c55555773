"""Search over local documents: ranking by hand, the made-up archive, and files of one's own."""

import json
import math

import pytest

from guerdon.envs import tools
from guerdon.envs.games.archive import ArchiveTasks, documents, towns
from guerdon.envs.games.search import Document, Index, SearchGame
from guerdon.errors import ConfigError
from guerdon.types import Task

DOCUMENTS = [
    Document("Apple", "red fruit"),
    Document("Pear", "green fruit"),
    Document("Car", "red"),
]


def test_the_score_of_a_document_is_the_formula():
    """'pear' is in 1 of 3 documents of 3, 3 and 2 words: idf log(1 + 2.5 / 1.5), tf 1."""
    index = Index(DOCUMENTS)
    idf = math.log(1 + 2.5 / 1.5)
    expected = idf * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 3 / (8 / 3)))
    assert index._score({"pear"}, 1) == pytest.approx(expected)
    assert [d.title for d in index.search("green fruit", 3)] == ["Pear", "Apple"]
    assert index.search("blue", 3) == []


def test_the_archive_is_a_function_of_its_seed_and_questions_need_it():
    assert towns(1, 20) == towns.__wrapped__(1, 20) != towns(2, 20)
    sets = ArchiveTasks(num_towns=20, num_held_out_towns=5).load()
    assert (len(sets.train), len(sets.held_out)) == (60, 20)
    texts = {d.title: d.text for d in documents(0, 20)}
    for task in sets.held_out:
        last = task.info["queries"][-1]
        assert task.answer in texts[last]
        if task.info["hops"] == 2:
            assert task.answer not in texts[task.info["queries"][0]]


def test_a_search_shows_documents_and_the_answer_ends_it():
    game = SearchGame(call_cost=0.1)
    task = ArchiveTasks().load().train[0]
    assert game.reset(task, 0) == ("", {"success": 0.0, "tool_calls": 0.0})
    told, reward, *_ = game.step(tools.call("search", query=task.info["queries"][0]))
    assert task.answer in told and reward == -0.1
    assert game.step(tools.call(tools.ANSWER, text=f" {task.answer}. "))[1:3] == (1.0, True)
    assert game.step(tools.call("search", query="zzz"))[0] == "Nothing was found."


def test_documents_can_be_a_file(tmp_path):
    file = tmp_path / "docs.jsonl"
    file.write_text(
        "".join(json.dumps({"title": d.title, "text": d.text}) + "\n" for d in DOCUMENTS)
    )
    game = SearchGame(documents=str(file), num_results=1)
    game.reset(Task("q", (), answer="red"), 0)
    assert game.step(tools.call("search", query="car"))[0] == "Car: red"
    assert tools.parse(game.oracle()) == (tools.ANSWER, {"text": "red"})


def test_files_that_are_no_documents_are_config_errors(tmp_path):
    file = tmp_path / "docs.jsonl"
    with pytest.raises(ConfigError, match="no file of documents"):
        SearchGame(documents=str(file))
    file.write_text('{"title": "x"}\n')
    with pytest.raises(ConfigError, match=r"docs\.jsonl:1 is no JSON object with title and text"):
        SearchGame(documents=str(file))
    file.write_text("")
    with pytest.raises(ConfigError, match="has no documents"):
        SearchGame(documents=str(file))
    with pytest.raises(ConfigError, match="num_held_out_towns < num_towns"):
        ArchiveTasks(num_towns=5, num_held_out_towns=5).load()
