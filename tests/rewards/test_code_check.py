import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.code_check import CodeCheck, program_in
from guerdon.sandbox import Limits, Sandbox
from guerdon.types import Reward, Task

CHECK = """
def check(candidate):
    assert True
    for n in (1, 2, 5):
        assert candidate(n) == 2 * n, "message"
    assert abs(candidate(0.5) - 1.0) < 1e-6
"""
REFERENCE = "def f(x):\n    return 2 * x"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    pool = Sandbox(limits=Limits(wall_s=3.0))
    yield pool
    pool.close()


def score(sandbox: Sandbox, program: str, **info: Any) -> Reward:
    given = {"hidden_check": CHECK, "entry_point": "f", "solution": REFERENCE}
    partial = info.pop("partial", False)
    reward = CodeCheck(sandbox=sandbox, partial=partial)
    response = program if "```" in program else f"```python\n{program}\n```"
    return asyncio.run(reward(Task("t", (), info=given | info), response, {}))


def test_a_program_that_passes_every_assertion_earns_one(sandbox: Sandbox) -> None:
    found = score(sandbox, "def f(x):\n    return x + x")
    assert found == Reward(1.0, {"passed": 1.0}, "4 of 4 tests passed")


def test_one_that_fails_some_earns_nothing_or_its_share(sandbox: Sandbox) -> None:
    program = "def f(x):\n    return 2 * x if x < 5 else 0"
    assert score(sandbox, program).value == 0
    assert score(sandbox, program, partial=True).value == 0.75


@pytest.mark.parametrize(
    "program",
    [
        "def f(x):\n    return 1 / 0",
        "def f(x):\n    while True: pass",
        "import os\ndef f(x): os._exit(0)",
        "def g(x):\n    return 2 * x",
        "this is no program",
        "def f(x):\n    return (y for y in [2 * x])",
    ],
)
def test_a_program_that_fails_is_wrong(sandbox: Sandbox, program: str) -> None:
    assert score(sandbox, program).value == 0


@pytest.mark.parametrize(
    "program",
    [
        "class Yes(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\n"
        "def f(x): return Yes(0)",
        "_seen = [True] * 9\ndef f(x): return 0",
        "def check(candidate): pass\ndef f(x): return 0",
        "def _guerdon_call(calls): return [[True, 2 * c[0][0]] for c in calls]\ndef f(x): return 0",
        "import builtins\nbuiltins.bool = lambda x: True\ndef f(x): return 0",
    ],
)
def test_a_program_cannot_reach_the_tests(sandbox: Sandbox, program: str) -> None:
    assert score(sandbox, program, partial=True).value == 0


def test_a_check_may_call_helpers_and_draw_random_inputs(sandbox: Sandbox) -> None:
    check = (
        "def check(candidate):\n    import random\n    for _ in range(20):\n"
        "        word = ''.join(random.choice('abc') for _ in range(5))\n"
        "        assert candidate(shift(word)) == word\n"
    )
    setup = "def shift(s):\n    return s[1:] + s[:1]"
    solution = "def f(s):\n    return s[-1:] + s[:-1]"
    info = {"hidden_check": check, "setup": setup, "solution": solution}
    assert score(sandbox, "def f(s):\n    return s[len(s)-1] + s[:len(s)-1]", **info).value == 1
    assert score(sandbox, "def f(s):\n    return s", **info).value == 0


def test_a_check_may_feed_a_programs_value_back_to_it(sandbox: Sandbox) -> None:
    check = "def check(candidate):\n    assert candidate(candidate(1)) == 4\n"
    other = "def f(x):\n    return 3 if x == 1 else 4"  # right by a way the reference does not go
    assert score(sandbox, other, hidden_check=check).value == 1
    assert score(sandbox, "def f(x):\n    return x", hidden_check=check).value == 0


def test_a_subclass_of_a_plain_type_counts_as_the_plain_value(sandbox: Sandbox) -> None:
    check = "def check(candidate):\n    assert candidate('aab') == {'a': 2, 'b': 1}\n"
    solution = "from collections import Counter\ndef f(s):\n    return Counter(s)"
    assert score(sandbox, solution, hidden_check=check, solution=solution).value == 1


def test_what_the_original_scorers_preload_need_not_be_imported(sandbox: Sandbox) -> None:
    program = "def f(x: Optional[List[int]]):\n    return math.prod([2, x])"
    assert score(sandbox, program).value == 1


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"hidden_check": ""}, "has no hidden_check"),
        ({"entry_point": "f()"}, "no entry_point"),
        ({"hidden_check": "def check(:"}, "cannot be read"),
        ({"solution": "def f(x):\n    return x"}, "does not pass its check"),
        ({"solution": "def g(x):\n    return x"}, "cannot be run with its own solution"),
        ({"hidden_check": "def check(candidate):\n    pass\n"}, "does not pass its check"),
    ],
)
def test_a_check_that_says_nothing_is_an_error_not_a_zero(
    sandbox: Sandbox, info: dict, message: str
) -> None:
    with pytest.raises(RewardError, match=message):
        score(sandbox, REFERENCE, **info)


def test_the_program_is_the_last_block_that_defines_the_function() -> None:
    text = "```python\ndef f(): 1\n```\n```python\ndef f(): 2\n```\n```python\nprint(f())\n```"
    assert program_in(text, "f") == "def f(): 2"
    assert program_in("def f(): 3", "f") == "def f(): 3"
    assert program_in("no code", "f") is None


def test_only_the_two_keys_name_a_check(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="check_key is 'tests'"):
        CodeCheck(sandbox=sandbox, check_key="tests")
