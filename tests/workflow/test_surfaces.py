"""Both surfaces mean the same programs, and what is valid runs within its static call bound."""

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from guerdon.workflow import (
    Inputs,
    Limits,
    Task,
    check,
    ir,
    parse_dsl,
    parse_python,
    run,
    shipped_catalog,
    to_dsl,
    to_python,
)
from guerdon.workflow.dsl import to_statements
from guerdon.workflow.expressions import Expressions, parse_text
from guerdon.workflow.printing import expression
from guerdon.workflow.validate import validate
from workflow_parts import executor, flaky, noisy, programs, python

CATALOG = shipped_catalog()
LIMITS = Limits(max_calls=10_000)
CODE = Task("code", has_tests=True, limits=LIMITS)


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # beartype does
@settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(programs(), st.integers(0, 9))
def test_every_valid_program_round_trips_and_runs_within_its_static_call_bound(program, seed):
    errors = [str(one) for one in validate(program, CATALOG, CODE) if one.is_error]
    assert errors == []
    assert parse_python(to_python(program, CATALOG), CATALOG).program == program
    assert parse_dsl(to_dsl(program, CATALOG), CATALOG).program == program
    checked = check(to_python(program, CATALOG), CATALOG, CODE)
    assert checked.is_valid
    models, engine = executor(noisy(seed))
    inputs = Inputs("p", "f", ("assert True",))
    # at the bound exactly: a call more would be over budget
    limits = Limits(max_calls=checked.max_calls)
    done = asyncio.run(run(program, CATALOG, inputs, models, limits=limits, sandbox=flaky(seed)))
    assert done.status in ("ok", "failed"), done.error
    assert len(engine.asked) == len(done.calls) <= checked.max_calls
    assert (done.answer is not None) == (done.status == "ok")
    assert "is no keyword, or not of its type" not in done.error


AFLOW = '''
from typing import Literal
import workspace.MATH.workflows.template.operator as operator
import workspace.MATH.workflows.round_5.prompt as prompt_custom
from scripts.async_llm import create_llm_instance
from scripts.evaluator import DatasetType

TASK_PROMPT = """Show how it's done."""
SOLVE = "Solve it. "

class Workflow:
    def __init__(self, name: str, llm_config, dataset: DatasetType) -> None:
        self.name = name
        self.dataset = dataset
        self.llm = create_llm_instance(llm_config)
        self.custom = operator.Custom(self.llm)
        self.sc = operator.ScEnsemble(self.llm)

    async def __call__(self, problem: str):
        """
        Implementation of the workflow
        """
        solutions = []
        for i in range(2):
            solution = await self.custom(input=problem, instruction=prompt_custom.SOLVE)
            solutions.append(solution['response'])
        tasks = [self.custom(input=problem, instruction=f"Way {i}: ") for i in range(3)]
        for_later: str = "x"
        more = await asyncio.gather(*tasks)
        solutions += [one["response"] for one in more]
        final = await self.sc(solutions=solutions, problem=problem)
        cost = self.llm.get_usage_summary()["total_cost"]
        return final.get('response', ""), cost
'''


def test_a_program_in_aflows_shape_means_what_it_says():
    draft = parse_python(AFLOW, CATALOG)
    assert draft.findings == ()
    solutions, response = ir.Ref("solutions"), "response"
    assert draft.program == ir.Program(
        (
            ir.Assign("solutions", ir.ListOf(())),
            ir.Loop("i", 2, (
                ir.Call("solution", "Custom",
                        (("input", ir.Ref("problem")), ("instruction", ir.Ref("SOLVE")))),
                ir.Assign("solutions", ir.Plus(
                    solutions, ir.ListOf((ir.Field(ir.Ref("solution"), response),)))),
            )),
            ir.Assign("for_later", ir.Literal("x")),
            ir.Fan(ir.Call("more", "Custom", (
                ("input", ir.Ref("problem")),
                ("instruction", ir.Join((ir.Literal("Way "), ir.Ref("i"), ir.Literal(": ")))),
            )), "i", 3),
            ir.Assign("solutions", ir.Plus(
                solutions, ir.Each(ir.Field(ir.Ref("one"), response), "one", ir.Ref("more")))),
            ir.Call("final", "ScEnsemble",
                    (("solutions", solutions), ("problem", ir.Ref("problem")))),
            ir.Return(ir.Field(ir.Ref("final"), response)),
        ),
        task_prompt="Show how it's done.",
        prompts=(("SOLVE", "Solve it. "),),
    )  # fmt: skip
    assert check(AFLOW, CATALOG, Task("math")).max_calls == 2 + 3 + 2


def test_calls_inside_expressions_become_statements_of_their_own_in_order():
    body = """
texts = [(await self.custom(input=problem))["response"] for _ in range(2)]
if (await self.review(problem=problem, solution=texts[0]))["review_result"]:
    return texts[-1]
a, b = await asyncio.gather(self.custom(input="a"), self.custom(input="b"))
return "{} {x}".format(a["response"], x=b["response"])
"""
    draft = parse_python(python(body, "Custom Review"), CATALOG)
    assert draft.findings == ()
    assert draft.program is not None
    assert to_statements(draft.program).splitlines() == [
        "step_1 = Custom(input=problem) * 2",
        "texts := [step_2['response'] for step_2 in step_1]",
        "step_3 = Review(problem=problem, solution=texts[0])",
        "if step_3['review_result'] {",
        "  return texts[-1]",
        "}",
        "[a = Custom(input='a'), b = Custom(input='b')]",
        "return f\"{a['response']} {b['response']}\"",
    ]


CHAINS = {
    "Custom": 1,
    "Custom*5 -> ScEnsemble": 7,
    "Custom(instruction='Solve: ')*3 -> ScEnsemble -> Review ? Revise : done": 8,
    "AnswerGenerate -> [Custom, Custom(instruction='b')] -> MdEnsemble -> Format": 10,
    "(Custom -> Review ? Revise : stop)*3": 12,
    "task 'Be brief.'\nProgrammer -> Review ? (Revise -> Format) : done": 7,
}


@pytest.mark.parametrize("text", CHAINS)
def test_a_chain_is_valid_comes_back_as_the_same_chain_and_costs_what_its_links_cost(text):
    checked = check(text, CATALOG, Task("math"))
    assert [str(one) for one in checked.findings] == []
    assert checked.max_calls == CHAINS[text]
    assert checked.program is not None
    assert to_dsl(checked.program, CATALOG) == text + "\n"
    statements = to_statements(checked.program)
    assert parse_dsl(statements, CATALOG).program == checked.program != checked.program.body
    assert parse_python(to_python(checked.program, CATALOG), CATALOG).program == checked.program


def test_a_chain_wires_each_step_to_the_one_before():
    program = check("Custom*2 -> ScEnsemble -> Review ? Revise : done", CATALOG, Task("qa")).program
    assert program is not None
    assert to_statements(program).splitlines() == [
        "s1 = Custom(input=problem) * 2",
        "answers := [one['response'] for one in s1]",
        "s2 = ScEnsemble(solutions=answers, problem=problem)",
        "answer := s2['response']",
        "s3 = Review(problem=problem, solution=answer)",
        "feedback := s3['feedback']",
        "if not s3['review_result'] {",
        "  s4 = Revise(problem=problem, solution=answer, feedback=feedback)",
        "  answer := s4['solution']",
        "}",
        "return answer",
    ]


def test_a_chain_for_code_takes_the_parameters_it_uses():
    text = "CustomCodeGenerate -> Test ? Revise : done"
    program = check(text, CATALOG, CODE).program
    assert program is not None and program.parameters == ("problem", "entry_point")


def test_a_reply_around_the_program_is_passed_over():
    reply = f"Let me think.\n```json\n{{}}\n```\n```python\n{AFLOW}\n```\nDone ```"
    assert check(reply, CATALOG, Task("math")).is_valid
    assert check("I write\n```\nCustom -> Format\n```", CATALOG, Task("math")).is_valid


@pytest.mark.parametrize(
    "text",
    ["-3", "not (a and b)", "'a' if x else 'b' + c", "[a, [b]][0][1]",
     "(a + b).strip().split()", "f'{a}{{}}\\n\"'", "len(a) < -1.5", "[x for x in a if x != 'q']",
     "'{}'.format(a + b)", "a not in b", "True or (x == y and z)"],
)  # fmt: skip
def test_expressions_are_written_as_they_are_read(text):
    node = Expressions().read(parse_text(text, is_expression=True).body)
    again = Expressions().read(parse_text(expression(node), is_expression=True).body)
    assert again == node


def test_a_header_names_parameters_only_where_they_do_not_follow_from_use():
    body = (ir.Call("a", "Custom", (("input", ir.Ref("problem")),)), ir.Return(ir.Ref("a")))
    assert "given" not in to_dsl(ir.Program(body), CATALOG)
    odd = ir.Program(body, ("problem", "entry_point"))
    assert to_dsl(odd, CATALOG).startswith("given problem, entry_point\n")
    assert parse_dsl(to_dsl(odd, CATALOG), CATALOG).program == odd
