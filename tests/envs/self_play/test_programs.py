import asyncio

import pytest

from guerdon.envs.self_play.programs import Ran, Unfit, Workshop
from guerdon.errors import ConfigError
from guerdon.sandbox import Sandbox


def run(workshop, program, given, twice=True):
    return asyncio.run(workshop.run(program, given, twice=twice))


def stage(workshop, program, given="1"):
    """Where a program fails the funnel; None if it passes."""
    try:
        workshop.look_at(program)
        run(workshop, program, given)
    except Unfit as unfit:
        return unfit.stage
    return None


NESTED = """\
import math
from collections import Counter

class Tally:
    def __init__(self, start):
        self.start = start
    def __call__(self, more):
        return self.start + more

def helper(x):
    def inner(y):
        return math.gcd(x, y)
    return inner(12)

def f(x, scale=2):
    print("this is said, not returned")
    return [helper(x), Tally(x)(scale), dict(Counter("aab"))]
"""


def test_nested_helpers_classes_and_allowed_imports_pass(workshop):
    workshop.look_at(NESTED)
    ran = run(workshop, NESTED, "8, scale = 3")
    assert ran == Ran("8, scale=3", [4, 11, {"a": 2, "b": 1}])
    assert ran.shown == "[4, 11, {'a': 2, 'b': 1}]"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("def f(a): return a", None),
        ("async def f(a): return a", "syntax"),
        ("def g(a): return a", "syntax"),
        ("def f(): return 1", "syntax"),
        ("f = lambda a: a", "syntax"),
        ("def f(a) return a", "syntax"),
        ("def f(a):\n    return " + "(" * 300 + "a" + ")" * 300, "syntax"),
        ("def f(a): return " + "a + " * 1000 + "a", "syntax"),
        ("# " + "x" * 5000 + "\ndef f(a): return a", "syntax"),
        ("import os\ndef f(a): return a", "allowed"),
        ("def f(a):\n    from os import path\n    return a", "allowed"),
        ("import math, time as t\ndef f(a): return a", "allowed"),
        ("from . import x\ndef f(a): return a", "allowed"),
        ("import random\ndef f(a): return random.random()", "allowed"),
        ("def f(a): return a.__class__", "allowed"),
        ("def f(a): return __import__('os').getpid()", "allowed"),
        ("def f(a): return eval('1')", "allowed"),
        ("def f(a): return \uff45val('1')", "allowed"),
        ("def f(a): return open('/etc/passwd').read()", "allowed"),
        ("def f(a): return getattr(a, '__cl' + 'ass__')", "allowed"),
        ("def f(a): return __builtins__", "allowed"),
        ("def f(a): return 1 // 0", None),
        ("def f(a):\n    while True: pass", "runs"),
        ("def f(a): return 'x' * (1 << 34)", "runs"),
        ("def f(a): return list({'a', 'b', 'c', 'd', 'e', 'f'})", "deterministic"),
        ("def f(a): return hash('a')", "deterministic"),
        ("def f(a): return str(object())", "deterministic"),
        ("def f(a): return (i for i in range(3))", "plain"),
        ("def f(a): return f", "plain"),
        ("class A: pass\ndef f(a): return [A()]", "plain"),
        ("def f(a): return 'x' * 401", "plain"),
        ("def f(a): return 10 ** 5000", "plain"),
    ],
)  # fmt: skip
def test_the_stage_at_which_a_program_fails(workshop, program, expected):
    assert stage(workshop, program) == expected


def test_an_exception_is_a_result_with_the_name_of_its_class(workshop):
    for program, name in [
        ("def f(a): return 1 // 0", "ZeroDivisionError"),
        ("def f(a): raise StopIteration", "StopIteration"),
        ("class Odd(Exception): pass\ndef f(a): raise Odd('fine')", "Odd"),
        ("def f(a): raise SystemExit(0)", "SystemExit"),
    ]:
        assert run(workshop, program, "1").error == name


@pytest.mark.parametrize("given", ["", "x", "f(1)", "1) or (2", "'" + "a" * 500 + "'", "*[1]"])
def test_an_input_that_is_no_short_literal_is_unfit(workshop, given):
    assert stage(workshop, "def f(*a): return 1", given) == "input"


def test_a_sandbox_that_would_refuse_the_allowed_imports_is_found_at_once():
    sandbox = Sandbox(imports=("math",), only_imports=True)
    with pytest.raises(ConfigError, match=r"bisect.*add them to its imports"):
        Workshop(sandbox=sandbox)
