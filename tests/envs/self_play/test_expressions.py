import asyncio

import pytest

from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs.self_play.code import CodeSelfPlay
from guerdon.envs.self_play.expressions import Expressions, ExpressionTalk, ExpressionTasks
from guerdon.envs.self_play.problems import Problem, from_info
from guerdon.errors import ConfigError
from guerdon.types import Model

SUM = Problem("code_o", "def f(x):\n    return x+3", ("4",), ("7",))


def test_a_proposal_and_its_answers_in_the_small_language(grader):
    [invited] = [t for t in ExpressionTasks().load().train if "propose" in t.info]
    env = CodeSelfPlay(grader=grader, wording=Expressions(), num_samples=2)
    models = {"policy": Model(ScriptedEngine(["x+3@4", "7", "8"]))}
    episode = asyncio.run(env.rollout(invited, models))
    assert [row.reward.value for row in episode.trajectories] == [0.5, 1.0, -0.5]
    said = [row.turns[0].observation[0]["content"] for row in episode.trajectories]
    assert said == ["propose output", "x+3@4=", "x+3@4="]


@pytest.mark.parametrize("reply", ["", "x+3", "@4", "x+3@", "x\n+3@4", "max(1,3)@4"])
def test_what_is_not_an_expression_at_an_input_is_no_proposal(reply):
    assert Expressions().read_proposal("code_o", reply) is None


def test_abduction_asks_for_an_input():
    prompt = Expressions().solve(Problem("code_i", SUM.program, ("4",), ("7",)))
    assert prompt[0]["content"] == "x+3=7@"


def test_what_is_held_out_is_never_practised():
    tasks = ExpressionTasks(kinds=["code_o", "code_i"], max_number=3, num_held_out=8, seed=4)
    held = {task.info["program"] + "@" + task.info["inputs"][0] for task in tasks.load().held_out}
    practised = {problem.program + "@" + problem.inputs[0] for problem in tasks.practice()}
    assert len(held) == 8 and len(practised) == 2 * 16 - 8 and held.isdisjoint(practised)


def test_the_seeds_are_the_identity_of_each_number():
    tasks = ExpressionTasks(max_number=2, num_held_out=2).load().train
    asked = [Expressions().solve(from_info(t.id, t.info)) for t in tasks if "program" in t.info]
    assert [prompt[0]["content"] for prompt in asked] == ["x@0=", "x@1=", "x@2="]


def test_programs_of_several_operators_are_worked_from_the_left():
    tasks = ExpressionTasks(operators=["+", "*", "max"], max_operators=2, max_number=2)
    asked = [p for p in tasks.practice() if p.inputs == ("2",)]
    outputs = {p.program.split("return ")[1]: p.outputs[0] for p in asked}
    assert len(tasks.practice()) == 3 * (3 * 3) + 3 * (3 * 3) ** 2 - tasks.num_held_out
    known = {"(x+1)*2": "6", "(x+2)*0": "0", "x*2+1": "5", "max(x+1,2)": "3", "max(x,1)*2": "4"}
    found = {text: outputs[text] for text in known if text in outputs}
    assert len(found) >= 3 and found.items() <= known.items()


def test_values_out_of_range_are_left_out():
    tasks = ExpressionTasks(operators=["-"], max_number=2, max_value=1, num_held_out=1)
    assert {p.outputs[0] for p in tasks.practice()} <= {"0", "1"}
    assert len(tasks.practice()) == 5 - 1


def test_warm_up_answers_reach_the_largest_value():
    tasks = ExpressionTasks(operators=["+"], max_operators=3, max_number=3, max_value=9)
    talks = ExpressionTalk(tasks=tasks, num_conversations=400).load()
    answers = {said["content"] for asked, said in talks if asked["content"] != "propose output"}
    assert answers == set("0123456789")


def test_the_warm_up_speaks_both_parts_and_spoils_the_share_it_is_told():
    tasks = ExpressionTasks()
    talks = ExpressionTalk(tasks=tasks, num_conversations=400, spoiled_frac=0.0).load()
    proposals = [said for asked, said in talks if asked["content"] == "propose output"]
    assert len(proposals) == 200
    assert all(Expressions().read_proposal("code_o", p["content"]) for p in proposals)
    assert talks == ExpressionTalk(tasks=tasks, num_conversations=400, spoiled_frac=0.0).load()


def test_the_warm_up_holds_programs_of_each_length_equally_often():
    tasks = ExpressionTasks(operators=["+"], max_operators=3, max_number=3, max_value=9)
    talks = ExpressionTalk(tasks=tasks, num_conversations=1200, spoiled_frac=0.0).load()
    said = [said["content"] for asked, said in talks if asked["content"] == "propose output"]
    shares = [sum(text.count("+") == n for text in said) / len(said) for n in (1, 2, 3)]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.07)


def test_options_that_make_no_sense_are_named_together():
    with pytest.raises(ConfigError) as caught:
        ExpressionTasks(kinds=["code_f"], operators=["/"], max_operators=0)
    assert len(caught.value.problems) == 3
    with pytest.raises(ConfigError, match="hold out at least one"):
        ExpressionTasks(num_held_out=101)
