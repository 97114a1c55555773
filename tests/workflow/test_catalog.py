"""Files of operators: the shipped one, one of a user's own, and all that can be wrong in one."""

import asyncio

import pytest

from guerdon.errors import ConfigError
from guerdon.workflow import Inputs, Task, check, load_catalog, run, shipped_catalog
from workflow_parts import executor

NAMES = ["Custom", "AnswerGenerate", "CustomCodeGenerate", "Programmer", "ScEnsemble", "MdEnsemble",
         "Test", "Review", "Revise", "Format"]  # fmt: skip


def test_the_shipped_operators_have_aflows_names_and_domains():
    catalog = shipped_catalog()
    assert list(catalog.operators) == NAMES
    assert catalog.domains == {
        "math": ("problem",), "qa": ("problem",), "code": ("problem", "entry_point", "test"),
    }  # fmt: skip
    assert catalog.operators["ScEnsemble"].attribute == "sc_ensemble"
    assert catalog.by_attribute("scensemble") is catalog.operators["ScEnsemble"]
    text = catalog.describe("code", has_tests=False)
    assert "Review(problem: Text, solution: Text -> review_result: Bool" in text
    assert "Test(" not in text and "Test(" in catalog.describe("code", has_tests=True)


OWN = """
operators:
  Translate:
    interface: "text: Text, to: Text = 'German, please' -> translation: Text, sure: Bool"
    description: Translate a text.
    domains: [qa, poems]
    max_calls: 2
    reply: fields
    prompt: "Translate into {to}: {text}"
domains:
  poems: [problem]
"""


def test_a_file_of_ones_own_adds_an_operator_that_works(tmp_path):
    (tmp_path / "own.yaml").write_text(OWN)
    catalog = load_catalog(tmp_path / "own.yaml")
    assert list(catalog.operators) == [*NAMES, "Translate"]
    text = "t = Translate(text=problem)\nif not t['sure'] { return t['translation'] + '?' }\n"
    text += "return t['translation']"
    checked = check(text, catalog, Task("poems"))
    assert checked.is_valid and checked.program is not None
    models, engine = executor("<translation>Hund</translation><sure>yes</sure>")
    done = asyncio.run(run(checked.program, catalog, Inputs("dog"), models))
    assert done.answer == "Hund"
    asked = engine.asked[0][0]["content"]
    assert asked.startswith("Translate into German, please: dog\n\nReply in exactly this form:")
    assert "<sure>true or false</sure>" in asked


WRONG = {
    "interface: 'a -> b: Text'": "cannot read 'a'; write 'name: Type'",
    "interface: 'a: Text'": "write 'name: Type, ... -> name: Type'",
    "interface: 'a: Text -> '": "nothing is returned",
    "interface: 'a: Words -> b: Text'": "unknown type 'Words'; there are: Text, Code, Bool",
    "interface: 'a: Text -> b: List[Text]'": "a reply cannot be read as b: List[Text]",
    "domains: [maths]": "domains: unknown maths; there are: math, qa, code",
    "prompt: ''": "give it a prompt, or run",
    "prompt: 'x {b}'": "prompt: {b} is no input; there are: a",
    "interface: 'a: Text -> b: Text, c: Text'": "reply: text fills one output, and there are 2",
    "reply: fields": "max_calls: must be 2 or more",
    "reply: xml": "operators.Own.reply: expected 'text', 'code' or 'fields', got 'xml'",
    "max_calls: 0": "max_calls 0: must be at least 1",
    "max_call: 3": "operators.Own.max_call: unknown field",
    "run: guerdon.nothing": "has no 'nothing'",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_in_a_file_is_said(tmp_path, line):
    entry = {
        "interface": "'a: Text -> b: Text'", "description": "x", "domains": "[math]",
        "prompt": "'say {a}'",
    }  # fmt: skip
    key, _, value = line.partition(": ")
    entry[key] = value
    lines = "".join(f"    {key}: {value}\n" for key, value in entry.items())
    (tmp_path / "own.yaml").write_text(f"operators:\n  Own:\n{lines}")
    with pytest.raises(ConfigError) as error:
        load_catalog(tmp_path / "own.yaml")
    assert WRONG[line] in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'own.yaml'}: operators.Own")


def test_files_that_are_none_are_refused(tmp_path):
    own = tmp_path / "own.yaml"
    with pytest.raises(ConfigError, match="no file of operators"):
        load_catalog(own)
    for text, message in (("a: [", "not YAML"), ("- a", "expected a mapping"),
                          ("operators: {}\noperators: {}", "duplicate key"),
                          ("operators: {lower: {interface: 'a: Text -> b: Text', description: x, "
                           "domains: [math], prompt: x}}", "name it like a class")):  # fmt: skip
        own.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_catalog(own)
