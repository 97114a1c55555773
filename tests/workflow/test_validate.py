"""A fixture for each code, every finding with its line, and what is not an error."""

import pytest

from guerdon.errors import ConfigError
from guerdon.workflow import Limits, Task, check, shipped_catalog
from guerdon.workflow.findings import CODES
from workflow_parts import python

CATALOG = shipped_catalog()

CALL = "r = await self.custom(input=problem)\n"
END = "return r['response']"

WRONG = {
    "E101": [
        "class Workflow:\n  def x(:",
        "Custom -> -> Format",
        "x = Custom(input=",
        "return 'a' $ 'b'",
        "class Workflow:\n    x = " + "(" * 300 + ")" * 300,
        "class Workflow:\n    x = " + "-" * 5000 + "1",
        "class Workflow:\n    x = " + "[" * 60 + "]" * 60,
        "class Workflow: pass\n" + "# long\n" * 9000,
        "return " + "9" * 5000,
    ],
    "E102": ["class Other: pass", "class Workflow:\n    pass", "", "task 'only a prompt'"],
    "E103": [
        python(CALL + END, parameters="question"),
        python(CALL + END, parameters="problem, entry_point"),
        python(CALL + END, parameters="problem, *more"),
        python(CALL + END).replace("async def", "def"),
    ],
    "E201": [
        python(CALL + END, "Custom Solver"),
        python("r = await self.solve(input=problem)\n" + END),
        "Solver -> Format",
    ],
    "E202": [python("r = await self.review(problem=problem, solution='x')\nreturn r['feedback']")],
    "E203": [
        python(CALL + END).replace("from scripts.operators import Custom", ""),
        python(CALL + END).replace("Custom(self.llm)", "operator.Custom(self.llm)"),
    ],
    "E204": ["CustomCodeGenerate", "Test(solution='x', entry_point='f')"],
    "E205": [
        python("r = await self.custom(problem=problem)\n" + END),
        python("r = await self.custom()\n" + END),
        python("r = await self.custom(input=problem, n=3)\n" + END),
        python("r = await self.custom(problem, '', 'more')\n" + END),
        "x = Custom(problem, input=problem)\nreturn x['response']",
        "Custom -> Custom('a', 'b', 'c')",
    ],
    "E206": [
        python(CALL + "return r"),
        python(CALL + "return r['answer']"),
        python(CALL + "return [r['response']]"),
        python(CALL + "if r['response']:\n    pass\n" + END),
        python(CALL + "if not r['response']:\n    pass\n" + END),
        python(CALL + "if r['response'] > 3:\n    pass\n" + END),
        python(CALL + "if r['response'] == True:\n    pass\n" + END),
        python(CALL + "x = r['response'] + 1\n" + END),
        python(CALL + "x = True + True\n" + END),
        python(CALL + "x = problem[0]\n" + END),
        python(CALL + "x = f'{r}'\n" + END),
        python(CALL + "x = ['a', 1]\n" + END),
        python(CALL + "x = 'a' if r['response'] == 'b' else 1\n" + END),
        python(CALL + "x = 1\nif r['response'] == 'b':\n    x = 'a'\n" + END),
        python(CALL + "x = len(3)\n" + END),
        python(CALL + "x = ', '.join(r['response'])\n" + END),
        python(CALL + "x = [[[['a']]]]\n" + END),
        python(CALL + "for x in r['response']:\n    pass\n" + END),
        python("r = await self.custom(input=[problem])\n" + END),
        "Custom -> ScEnsemble(solutions=problem)",
        "Custom ? Format : done",
    ],
    "E301": [
        python(CALL + "return answer"),
        python(CALL + "if r['response'] == 'a':\n    x = r['response']\nreturn x"),
        python(CALL + "for i in [r['response']]:\n    x = i\nreturn x"),
        python(CALL + "y = [x for x in [r['response']]]\nreturn x"),
        python(CALL + "for i in range(2):\n    if r['response'] == 'a':\n        break\n"
               "    x = 'b'\nreturn r['response'] + x"),
        "Custom*3",
    ],
    "E302": [
        python("r = self.custom(input=problem)\n" + END),
        python("return self.custom(input=problem)['response']"),
        python("rs = [self.custom(input=problem) for _ in range(2)]\nreturn rs[0]['response']"),
    ],
    "E303": [
        python(CALL),
        python(CALL + "return"),
        python(CALL + "if r['response'] == 'a':\n    " + END),
        "x = Custom(input=problem)",
    ],
    "E304": [
        python("return '42'"),
        python("return problem"),
        python(CALL + "return f'{problem} is 42'"),
        python(CALL + "x = '42'\nif r['response'] == 'a':\n    x = r['response']\nreturn x"),
        python(CALL + "if r['response'] == 'a':\n    " + END + "\nreturn '42'"),
        python(CALL + "return '42'.replace('x', r['response'])"),
        "return ''",
    ],
    "E305": [
        python(CALL + "while True:\n    pass\n" + END),
        python(CALL + "while r['response'] == 'a':\n    " + CALL + END),
        python(CALL + "for i in range(1000000):\n    pass\n" + END),
        python(CALL + "for i in range(0):\n    pass\n" + END),
        python(CALL + "for i in range(len(problem)):\n    pass\n" + END),
        python(CALL + "".join(" " * 4 * i + f"for a{i} in range(2):\n" for i in range(4))
               + " " * 16 + "pass\n" + END),
    ],
    "E401": [
        python("import os\n" + CALL + END),
        python(CALL + END).replace("from scripts.async_llm", "import os\nfrom scripts.async_llm"),
        python(CALL + "x = r.__class__\n" + END),
        python(CALL + "x = eval(problem)\n" + END),
        python(CALL + "x = lambda: 1\n" + END),
        python(CALL + "try:\n    pass\nfinally:\n    pass\n" + END),
        python(CALL + "x = {'a': 1}\n" + END),
        python(CALL + "x = 2 ** 99\n" + END),
        python(CALL + "x = 99999999999\n" + END),
        python(CALL + "_x = 1\n" + END),
        python(CALL + "self.x = 1\n" + END),
        python(CALL + "print(r)\n" + END),
        python(CALL + "break\n" + END),
        python(CALL + "return r['response'], 1, 2"),
        python(CALL + "x = None\n" + END),
        "stop",
        "Custom(instruction=open('/etc/passwd').read())",
    ],
    "E402": [
        python("".join(f"r{i} = await self.custom(input='{i}')\n" for i in range(13))
               + "return r0['response']"),
        "Custom*6 -> ScEnsemble",
        "(Custom*5 -> ScEnsemble)*3",
        "[Custom, Custom, Custom, Custom, Custom, Custom] -> ScEnsemble",
    ],
    "W501": [python(CALL + "x = await self.custom(input='b')\n" + END)],
    "W502": [python(CALL + "x = await self.custom(input=problem)\nreturn r['response'] + "
                    "x['response']")],
    "W503": ["Custom(instruction='Solve {problem}')", "task 'Think of {x}'\nCustom"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, texts in WRONG.items() for text in texts]
)
def test_what_is_wrong_is_found(code, text):
    checked = check(text, CATALOG, Task("math"))
    assert code in {one.code for one in checked.findings}, [str(one) for one in checked.findings]
    assert checked.is_valid == code.startswith("W")


def test_every_code_has_a_fixture():
    assert WRONG.keys() == CODES.keys()


def test_everything_is_found_at_once_with_line_and_hint():
    body = """
a = self.custom(problem=problem)
b = await self.solver(input=c)
if a["response"]:
    d = a["respnse"]
"""
    found = check(python(body), CATALOG, Task("math")).findings
    assert [(one.code, one.line) for one in found] == [
        ("E303", 0),
        ("E205", 10), ("E205", 10), ("E302", 10),
        ("E201", 11), ("E301", 11), ("W501", 11),
        ("E206", 12),
        ("E206", 13),
    ]  # fmt: skip
    assert str(found[1]) == (
        "E205 line 10: Custom has no keyword problem=; "
        "Custom(input: Text, instruction: Text = '' -> response: Text)"
    )
    assert found[-1].hint == "there are: response"


VALID = {
    "an empty start is no constant": CALL + "x = ''\nif r['response'] != 'a':\n    "
    "x = r['response']\nreturn x",
    "a list is filled in a loop": "xs = []\nfor i in range(3):\n    " + CALL
    + "    xs.append(r['response'])\nreturn xs[0]",
    "a loop runs at least once": "for i in range(2):\n    " + CALL + END,
    "both branches give it": CALL + "if r['response'] == 'a':\n    x = r['response']\n"
    "else:\n    x = r['response'].strip()\nreturn x",
    "cost is returned": CALL + "return r['response'], self.llm.cost_manager.total_cost",
}  # fmt: skip


@pytest.mark.parametrize("what", VALID)
def test_what_is_right_is_not_complained_of(what):
    found = check(python(VALID[what]), CATALOG, Task("math")).findings
    assert [str(one) for one in found] == []


def test_tests_may_be_used_where_there_are_public_ones():
    text = "CustomCodeGenerate -> Test"
    without, given = (check(text, CATALOG, Task("code", has)) for has in (False, True))
    assert [one.code for one in without.findings] == ["E204"]
    assert given.is_valid and given.max_calls == 1 + 3


def test_limits_are_those_of_the_task():
    task = Task("math", limits=Limits(max_calls=30, max_parallel=9, max_loop=9))
    assert check("Custom*9 -> ScEnsemble", CATALOG, task).is_valid
    with pytest.raises(ConfigError, match="max_loop: 0 must be above 0"):
        Limits(max_loop=0)


def test_an_unknown_domain_is_the_users_mistake():
    with pytest.raises(ConfigError, match="unknown domain 'maths'; there are: math, qa, code"):
        check("Custom", CATALOG, Task("maths"))
