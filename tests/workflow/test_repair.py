"""What can be mended is, each fix has a label, and nothing else changes."""

import pytest

from guerdon.workflow import Limits, Task, check, shipped_catalog, to_dsl
from guerdon.workflow.repair import repair
from workflow_parts import python

CATALOG = shipped_catalog()
MATH = Task("math")

CALL = "r = await self.custom(input=problem)\n"
END = "return r['response']"
GOOD = python(CALL + END)

MENDED = {
    "tabs and a margin": (
        "\n".join("  " + line for line in GOOD.replace("    ", "\t").splitlines()),
        ["indentation"],
    ),
    "ragged indentation": (
        GOOD.replace("        self.llm", "         self.llm").replace("        r =", "       r ="),
        ["indentation"],
    ),
    "no import": (GOOD.replace("from scripts.operators import Custom", ""), ["import_added"]),
    "not created": (GOOD.replace("self.custom = Custom(self.llm)", "pass"), ["operator_created"]),
    "neither imported nor created": (
        GOOD.replace("self.custom = Custom(self.llm)", "pass").replace(
            "from scripts.operators import Custom", ""
        ),
        ["operator_created"],
    ),
    "not awaited": (GOOD.replace("await ", ""), ["await_added"]),
    "not async": (GOOD.replace("async def", "def"), ["signature"]),
    "other parameter": (GOOD.replace("problem", "question"), ["signature"]),
    "keyword of another operator": (GOOD.replace("input=", "problem="), ["keyword_renamed"]),
    "keyword too many": (GOOD.replace("input=", "n=1, input="), ["keyword_dropped"]),
    "keyword missing": (GOOD.replace("input=problem", ""), ["keyword_added"]),
    "no return": (python(CALL), ["return_added"]),
    "endless loop": (
        python("while True:\n    " + CALL + "    " + END),
        ["loop_bounded"],
    ),
    "loop too long": (python("for _ in range(10**0 + 99):\n    pass\n" + CALL + END), []),
    "many turns": (python("for _ in range(99):\n    " + CALL + END), ["loop_bounded"]),
    "too many at once": ("Custom*9 -> ScEnsemble", ["loop_bounded"]),
    "spelling": (GOOD.replace("Custom", "custom"), []),
    "three things": (
        python("r = self.review(problem=problem, solution='x')\n"
               "while not r['review_result']:\n    r = await self.review(solution='y')\n"
               "return r['feedback']"),
        ["await_added", "loop_bounded", "operator_created", "operator_created", "keyword_added"],
    ),
}  # fmt: skip

NOT = {"loop too long", "spelling"}


@pytest.mark.parametrize("what", sorted(MENDED.keys() - NOT))
def test_what_can_be_mended_is_and_each_fix_has_a_label(what):
    text, labels = MENDED[what]
    assert not check(text, CATALOG, MATH).is_valid
    repaired = repair(text, CATALOG, MATH)
    assert [str(one) for one in repaired.checked.findings if one.is_error] == []
    assert sorted(fix.label for fix in repaired.fixes) == sorted(labels)


@pytest.mark.parametrize("what", sorted(NOT))
def test_what_is_only_guessing_is_left_alone(what):
    assert not repair(MENDED[what][0], CATALOG, MATH).checked.is_valid


def test_a_valid_program_is_not_touched():
    repaired = repair(GOOD, CATALOG, MATH)
    assert repaired.fixes == () and repaired.checked == check(GOOD, CATALOG, MATH)


def test_mending_gives_what_was_meant():
    text = python(
        "rs = [self.custom(problem=problem) for _ in range(9)]\n"
        "best = await self.sc_ensemble(solutions=[r['response'] for r in rs])"
    )
    repaired = repair(text, CATALOG, MATH)
    assert repaired.checked.program is not None
    assert to_dsl(repaired.checked.program, CATALOG).splitlines() == [
        "rs = Custom(input=problem) * 5",
        "best = ScEnsemble(solutions=[r['response'] for r in rs])",
        "return best['response']",
    ]
    assert sorted(fix.label for fix in repaired.fixes) == [
        "await_added", "keyword_renamed", "loop_bounded", "operator_created", "return_added",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("r['response']", "'42'"),
        GOOD.replace("r['response']", "open('x').read()"),
        python("import os\n" + CALL + END),
        python(CALL + "return nothing"),
        "CustomCodeGenerate",
        "Custom*5 -> ScEnsemble -> Custom*5 -> ScEnsemble -> Review",
    ],
)
def test_constants_escapes_and_budgets_are_not_mended(text):
    before, after = check(text, CATALOG, MATH), repair(text, CATALOG, MATH).checked
    assert not after.is_valid
    wrong = {one.code for one in before.findings if one.is_error}
    assert {one.code for one in after.findings if one.is_error} <= wrong


def test_limits_of_the_task_bound_what_is_mended():
    task = Task("math", limits=Limits(max_parallel=2))
    program = repair("Custom*9 -> ScEnsemble", CATALOG, task).checked.program
    assert program is not None and to_dsl(program, CATALOG) == "Custom*2 -> ScEnsemble\n"


def test_the_signature_of_code_takes_its_domains_names():
    text = python("r = await self.custom_code_generate(problem=task, entry_point=name)\n" + END,
                  "CustomCodeGenerate", "task, name")  # fmt: skip
    repaired = repair(text, CATALOG, Task("code"))
    assert repaired.checked.is_valid and [fix.label for fix in repaired.fixes] == ["signature"]
    assert str(repaired.fixes[0]) == "signature (E103)"
