"""`guerdon workflow`, as a user meets it."""

import json

import pytest

from guerdon.cli import main

MODELS = """
executor:
  engine: {_target_: workflow_parts.Answers, reply: "<solution_letter>A</solution_letter> four"}
  sampling: {temperature: 0.5, max_tokens: 64}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with workflows and a model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.wf").write_text("Custom*2 -> Custom\n")
    (tmp_path / "bad.wf").write_text("r = Custom(problem=problem)\nreturn r\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    return tmp_path


def test_validate_says_all_that_is_wrong_and_ends_with_2(folder, capsys):
    assert main(["workflow", "validate", "good.wf"]) == 0
    assert capsys.readouterr().out == "valid: at most 3 model calls\n"
    assert main(["workflow", "validate", "bad.wf"]) == 2
    assert [line[:11] for line in capsys.readouterr().out.splitlines()] == [
        "E205 line 1", "E205 line 1", "E206 line 2",
    ]  # fmt: skip
    assert main(["workflow", "validate", "bad.wf", "--repair", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is False and found["max_calls"] == 1
    assert found["fixes"] == [{"label": "keyword_renamed", "code": "E205", "line": 1}]
    assert [one["code"] for one in found["findings"]] == ["E206"]


def test_run_prints_the_answer_and_its_trace_renders_replays_and_compares(folder, capsys):
    words = ["workflow", "run", "good.wf", "--models", "models.yaml", "--problem", "2+2?"]
    assert main([*words, "--trace", "trace.json"]) == 0
    out, err = capsys.readouterr()
    assert out == "<solution_letter>A</solution_letter> four\n" and err.startswith(
        "ok: 3x · 3 call"
    )
    assert main(["workflow", "replay", "trace.json"]) == 0
    assert capsys.readouterr().out == "the same: ok, 3 calls\n"
    kept = json.loads((folder / "trace.json").read_text())
    (folder / "forged.json").write_text(json.dumps(kept | {"answer": "five"}))
    assert main(["workflow", "replay", "forged.json"]) == 1
    assert "'five' was recorded" in capsys.readouterr().out
    assert main(["workflow", "diff", "trace.json", "good.wf"]) == 0
    assert capsys.readouterr().out == "the same workflow\n"
    assert main(["workflow", "diff", "trace.json", "bad.wf"]) == 1
    assert "Custom: 2 -> 1" in capsys.readouterr().out
    for form, start in (("mermaid", "flowchart"), ("dot", "digraph"), ("html", "<!doctype"),
                        ("python", "import asyncio"), ("dsl", "Custom*2 -> Custom")):  # fmt: skip
        assert main(["workflow", "render", "trace.json", "-f", form, "-o", "out"]) == 0
        assert (folder / "out").read_text().startswith(start)


def test_a_workflow_without_answer_ends_with_1_and_an_invalid_one_is_not_run(folder, capsys):
    (folder / "task.json").write_text('{"problem": "p", "entry_point": "f", "tests": ["1"]}')
    words = ["--models", "models.yaml", "--task", "task.json", "--domain", "code"]
    (folder / "code.wf").write_text("CustomCodeGenerate -> Test\n")
    assert main(["workflow", "run", "code.wf", *words]) == 1
    assert "no sandbox was given" in capsys.readouterr().out
    assert main(["workflow", "run", "bad.wf", *words]) == 2
    assert "error: bad.wf: E205 line 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("validate nothing.wf", "cannot read 'nothing.wf'"),
        ("validate good.wf --domain maths", "unknown domain 'maths'"),
        ("validate good.wf --operators no.yaml", "no file of operators 'no.yaml'"),
        ("run good.wf --models models.yaml", "give either --problem TEXT or --task FILE"),
        ("run good.wf --models good.wf --problem p", "expected a mapping of models"),
        ("run good.wf --models models.yaml --task models.yaml", "expected JSON with problem"),
        ("render models.yaml", "models.yaml: E101"),
        ("replay good.wf", "is no trace of a workflow"),
    ],
)
def test_mistakes_are_named(folder, capsys, words, message):
    assert main(["workflow", *words.split()]) == 2
    assert message in capsys.readouterr().err
