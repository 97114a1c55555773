"""Hostile programs are refused with a code; they neither execute nor crash, and cost no time."""

import asyncio

import pytest

from guerdon.workflow import Inputs, Limits, Task, check, ir, run, shipped_catalog
from guerdon.workflow.evaluate import MAX_WORK
from guerdon.workflow.repair import repair
from workflow_hostile import HOSTILE
from workflow_parts import executor

CATALOG = shipped_catalog()
TASK = Task("math")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder, where a program that runs would leave something."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_there_are_at_least_200_of_them():
    assert len(set(HOSTILE)) == len(HOSTILE) >= 200


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_program_is_refused_with_a_code(number):
    checked = check(HOSTILE[number], CATALOG, TASK)
    assert not checked.is_valid, HOSTILE[number]
    assert any(one.is_error for one in checked.findings)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_what_repair_makes_of_it_holds_nothing_hostile(number):
    """Only endless loops, constant answers and the like may be mended; then it runs and ends."""
    checked = repair(HOSTILE[number], CATALOG, TASK).checked
    if checked.program is None:
        return
    limits = Limits(max_calls=max(1, checked.max_calls)) if checked.is_valid else Limits()
    models, engine = executor("x")
    done = asyncio.run(run(checked.program, CATALOG, Inputs("p"), models, limits=limits))
    assert len(engine.asked) <= limits.max_calls
    assert not checked.is_valid or done.status in ("ok", "failed")


def program(*body):
    return ir.Program((*body, ir.Return(ir.Ref("problem"))))


def run_unchecked(*body, **limits):
    models, _ = executor("x")
    found = Limits(**limits)
    return asyncio.run(run(program(*body), CATALOG, Inputs("ab cd " * 100), models, limits=found))


def test_a_program_that_was_never_checked_runs_into_limits():
    problem = ir.Ref("problem")
    grow = ir.Assign("problem", ir.Plus(problem, problem))
    done = run_unchecked(ir.Loop("_", 5, (ir.Loop("_", 5, (grow,)),)))
    assert done.status == "failed" and "characters" in done.error
    words = ir.Apply("split", (problem,))
    inner = ir.Each(ir.Literal("a"), "a", words)
    cube = ir.Each(ir.Each(inner, "b", words), "c", words)
    assert run_unchecked(ir.Assign("x", cube)).error == "too much to compute"
    assert MAX_WORK < 200**3
    nested = (ir.Assign("x", ir.Literal(1)),)
    for _ in range(6):
        nested = (ir.Loop("_", 5, nested),)
    assert run_unchecked(*nested).status == "over_budget"
    call = ir.Call("x", "Custom", (("input", problem),))
    assert run_unchecked(*[call] * 3, max_calls=2).error == "2 model calls were made"
    wide = ir.Fan(call, "_", 9)
    assert run_unchecked(wide).error == "9 turns or calls at once; at most 5"
    assert run_unchecked(ir.Parallel((call,) * 9)).status == "over_budget"
    for odd in (
        ir.Assign("x", ir.Ref("nothing")),
        ir.Assign("x", ir.Field(problem, "x")),
        ir.Assign("x", ir.Item(problem, 0)),
        ir.Assign("x", ir.Item(ir.ListOf(()), 3)),
        ir.Assign("x", ir.Plus(problem, ir.Literal(1))),
        ir.Assign("x", ir.Compare(problem, "<", ir.Literal(1))),
        ir.Assign("x", ir.Apply("join", (problem, ir.ListOf((ir.Literal(1),))))),
        ir.If(problem, ()),
        ir.Call("x", "Custom", ()),
        ir.Call("x", "Custom", (("input", ir.ListOf(())),)),
        ir.Call("x", "Custom", (("input", problem), ("more", problem))),
        ir.Call("x", "Nothing", ()),
        ir.Loop("x", problem, ()),
    ):
        assert run_unchecked(odd).status == "failed", odd
