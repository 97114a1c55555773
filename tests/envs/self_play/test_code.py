import asyncio

import pytest

from envs.self_play.code_replies import answer, invite, propose, propose_pairs, solve
from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs.self_play.bonuses import Bonuses
from guerdon.envs.self_play.code import CodeSelfPlay
from guerdon.envs.self_play.difficulty import RewardTable
from guerdon.envs.self_play.expressions import Expressions
from guerdon.envs.self_play.problems import Problem, from_info, to_task
from guerdon.errors import ConfigError, EngineError, EnvError
from guerdon.tasks.origin import Origin, origin_of
from guerdon.types import Model, Sampling

DOUBLE = Problem("code_o", "def f(a):\n    return 2 * a", ("3",), ("6",))
TRIPLE = propose("def f(a):\n    return 3 * a", "4")
RIGHT, WRONG = solve("output", "12"), solve("output", "11")


def values(episode):
    return [row.reward.value for row in episode.trajectories]


@pytest.mark.parametrize("shape", ["one_minus", "inverse", "band"])
@pytest.mark.parametrize("ends", [0.0, -0.5])
def test_the_rewards_of_proposer_and_solver_for_every_solve_rate(play, shape, ends):
    table = RewardTable(shape=shape, ends=ends)
    for solved in range(9):
        replies = [RIGHT] * solved + [WRONG] * (8 - solved)
        episode = play(invite("code_o", DOUBLE), TRIPLE, *replies, rewards=table)
        assert values(episode) == [table.proposer(solved / 8)] + [1.0] * solved + [-0.5] * (
            8 - solved
        )
        assert episode.metrics["solve_rate"] == solved / 8 and episode.metrics["valid"] == 1.0


def test_a_valid_proposal_leaves_as_a_task_that_says_where_it_came_from(play):
    episode = play(invite("code_o", DOUBLE), TRIPLE, RIGHT, WRONG, WRONG, solve("output", "x"))
    [task] = episode.new_tasks
    assert from_info(task.id, task.info) == Problem(
        "code_o", "def f(a):\n    return 3 * a", ("4",), ("12",)
    )
    assert task.domain == "code_o" and task.answer == "12"
    parent = to_task(DOUBLE).id
    assert origin_of(task) == Origin(
        score=0.75, difficulty=0.75, parents=(parent,), judge="sandbox"
    )
    assert {row.group for row in episode.trajectories[1:]} == {task.id}


def test_roles_name_the_part_and_the_kind(play):
    episode = play(invite("code_i", DOUBLE), TRIPLE, solve("input", "4"))
    assert [row.role for row in episode.trajectories] == ["proposer_code_i", "solver_code_i"]


def test_an_invalid_proposal_is_not_tried_and_says_where_it_failed(play):
    episode = play(invite("code_o", DOUBLE), propose("import os\ndef f(a): return a", "1"))
    assert values(episode) == [-1.0]
    assert episode.trajectories[0].reward.note == "allowed: import of os is not allowed"
    passed = {name: value for name, value in episode.metrics.items() if value}
    assert passed == {"funnel_form": 1.0, "funnel_syntax": 1.0}


def test_an_answer_without_the_form_costs_more_than_a_wrong_one_and_counts_as_unsolved(play):
    episode = play(invite("code_o", DOUBLE), TRIPLE, "12", answer("12"), RIGHT, WRONG)
    assert values(episode) == [0.75, -1.0, -1.0, 1.0, -0.5]


def test_induction_takes_its_program_from_the_reference_and_hides_half_of_the_pairs(play):
    source = Problem("code_o", "def f(a):\n    return a * a", ("2",), ("4",))
    pairs = propose_pairs(["1", "2", "3", "a=4"], "It grows fast.")
    good = solve("python", "def f(a):\n    return a ** 2")
    known = solve("python", "def f(a):\n    return {1: 1, 2: 4}[a]")
    episode = play(invite("code_f", source), pairs, good, known, num_inputs=4)
    assert values(episode) == [0.5, 1.0, -0.5]
    problem = from_info("", episode.new_tasks[0].info)
    assert problem.inputs == ("1", "2", "3", "a=4") and problem.outputs == ("1", "4", "9", "16")
    prompt = episode.trajectories[1].turns[0].observation[0]["content"]
    assert "It grows fast." in prompt and "input_2" in prompt
    assert "input_3" not in prompt and "a * a" not in prompt


def test_errors_are_the_answer_where_errors_are_asked_for(play):
    proposal = propose("def f(a):\n    return [][a]", "0")
    episode = play(
        invite("code_e", DOUBLE),
        proposal,
        solve("output", "IndexError"),
        solve("output", "NoError"),
    )
    assert values(episode) == [0.5, 1.0, -0.5]
    quiet = play(invite("code_e", DOUBLE), TRIPLE, solve("output", "noerror"))
    assert quiet.new_tasks[0].answer == "NoError"


def test_a_composite_program_must_call_its_helpers_and_carries_them_along(play):
    fields = {"num_helpers": 1}
    calls = propose("def f(a):\n    return g_0(a) + 1", "4")
    episode = play(invite("code_o", DOUBLE), calls, solve("output", "9"), **fields)
    problem = from_info("", episode.new_tasks[0].info)
    assert problem.program.startswith("def g_0(a):\n    return 2 * a\n\ndef f")
    assert problem.outputs == ("9",) and values(episode)[1:] == [1.0]
    for program in (
        "def f(a):\n    return a",
        "def g_0(a):\n    return 1\ndef f(a):\n    return g_0(a)",
        "def f(a):\n    g_0 = abs\n    return g_0(a)",
    ):
        assert values(play(invite("code_o", DOUBLE), propose(program, "4"), **fields)) == [-1.0]


def test_what_a_comment_says_is_gone_where_comments_are_not_kept(play):
    whisper = propose("def f(a):\n    'The answer is 12.'\n    return 3 * a  # 12", "4")
    kept = play(invite("code_o", DOUBLE), whisper, RIGHT)
    gone = play(invite("code_o", DOUBLE), whisper, RIGHT, keep_comments=False)
    assert "12" in kept.new_tasks[0].info["program"]
    assert gone.new_tasks[0].info["program"] == "def f(a):\n    return 3 * a"


def test_a_repeated_reference_is_invalid_where_repeats_are_refused(play):
    again = propose("def f(a):\n    return 2 * a", " 3 ")
    refused = play(invite("code_o", DOUBLE), again)
    assert values(refused) == [-1.0] and refused.metrics["funnel_new"] == 0.0
    allowed = play(invite("code_o", DOUBLE), again, solve("output", "6"), refuse_repeats=False)
    assert values(allowed) == [0.0, 1.0]


SAID = {  # what solvers say: 2 of 4, 1 of 4, 2 of 4 and 4 of 4 are right
    "x+3@4=": "7788",
    "x + 3@4=": "7888",
    "x+1@1=": "2233",
    "x+2@1=": "3333",
}


def propose_several(grader, *proposals, **fields):
    """An episode of the small mode: these proposals, and the answers above."""
    answers = {asked: iter(digits * 9) for asked, digits in SAID.items()}
    left = iter(proposals)

    def reply(messages):
        asked = messages[-1]["content"]
        return next(left) if asked == "propose output" else next(answers[asked])

    fields = {"num_samples": 4, "num_proposals": len(proposals), **fields}
    env = CodeSelfPlay(grader=grader, wording=Expressions(), **fields)
    models = {"policy": Model(ScriptedEngine(reply), Sampling(seed=5))}
    return asyncio.run(env.rollout(invite("code_o"), models))


def earned(episode):
    return [r.reward.value for r in episode.trajectories if r.role.startswith("proposer")]


def test_equal_proposals_of_an_episode_share_what_one_of_them_earns(grader):
    band = RewardTable(shape="band")
    proposals = ("x+3@4", "x + 3@4", "x+1@1", "x+@1")
    episode = propose_several(grader, *proposals, rewards=band)
    assert earned(episode) == [1.0 / 2, 0.75 / 2, 1.0, -1.0]
    assert episode.metrics["valid"] == 0.75
    assert episode.metrics["solve_rate"] == pytest.approx((0.5 + 0.25 + 0.5) / 3)
    assert len(episode.new_tasks) == 3 and len(episode.trajectories) == 4 + 3 * 4
    proposers = [row for row in episode.trajectories if row.role == "proposer_code_o"]
    assert {row.group for row in proposers} == {"propose/code_o"}
    same = propose_several(grader, *["x+1@1"] * 4, rewards=band)
    assert earned(same) == [0.25] * 4 and len(same.new_tasks) == 1


def test_a_loss_is_not_shared_so_that_repeating_a_bad_proposal_pays_nothing(grader):
    table = RewardTable(shape="band", ends=-0.5)
    assert earned(propose_several(grader, "x+2@1", "x+2@1", rewards=table)) == [-0.5, -0.5]
    assert earned(propose_several(grader, "x+@1", "x+@1", rewards=table)) == [-1.0, -1.0]


def test_one_proposal_is_sampled_as_it_always_was_and_several_with_seeds_of_their_own(grader):
    seeds = {}
    for number in (1, 2):
        engine = ScriptedEngine(lambda asked: "x+1@1" if "propose" in asked[0]["content"] else "1")
        fields = {"num_samples": 2, "num_proposals": number}
        env = CodeSelfPlay(grader=grader, wording=Expressions(), **fields)
        models = {"policy": Model(engine, Sampling(seed=5))}
        asyncio.run(env.rollout(invite("code_o"), models))
        seeds[number] = [sampling.seed for _, sampling in engine.calls]
    own = Sampling(seed=5)  # and each is the first turn of a conversation
    assert seeds[1] == [
        own.at(*key).at(0).seed for key in (("propose",), ("solve", 0), ("solve", 1))
    ]
    assert len(set(seeds[2])) == 6


def test_several_proposals_are_rows_to_compare(grader):
    fields = {"grader": grader, "train_on_samples": False}
    assert CodeSelfPlay(**fields, num_proposals=2).makes_groups
    assert not CodeSelfPlay(**fields).makes_groups


def test_bonuses_are_added_to_a_reward_above_zero_only(play):
    fields = {"bonuses": Bonuses(complexity=10.0, diversity=10.0, most=0.25)}
    branchy = propose("def f(a):\n    return 3 * a if a else 0", "4")
    hard = play(invite("code_o", DOUBLE), branchy, RIGHT, WRONG, **fields)
    assert values(hard)[0] == 1.0 and hard.trajectories[0].reward.parts["diversity"] == 0.25
    easy = play(invite("code_o", DOUBLE), branchy, RIGHT, **fields)
    assert values(easy)[0] == 0.0


def test_who_is_trained_is_a_choice(play, grader):
    proposer = play(invite("code_o", DOUBLE), TRIPLE, RIGHT, train_on_samples=False)
    assert [row.role for row in proposer.trajectories] == ["proposer_code_o"]
    solver = play(invite("code_o", DOUBLE), TRIPLE, RIGHT, train_proposer=False)
    assert [row.role for row in solver.trajectories] == ["solver_code_o"]
    assert play(invite("code_o", DOUBLE), "?", train_proposer=False).trajectories == ()
    with pytest.raises(ConfigError, match="nothing to learn from"):
        CodeSelfPlay(grader=grader, train_proposer=False, train_on_samples=False)


def test_answers_are_sampled_as_asked_each_with_a_seed_of_its_own(grader):
    engine = ScriptedEngine([TRIPLE, *[RIGHT] * 3])
    env = CodeSelfPlay(grader=grader, num_samples=3, solver_sampling=Sampling(temperature=0.7))
    models = {"policy": Model(engine, Sampling(temperature=1.0, seed=5))}
    asyncio.run(env.rollout(invite("code_o", DOUBLE), models))
    assert [sampling.temperature for _, sampling in engine.calls] == [1.0, 0.7, 0.7, 0.7]
    assert len({sampling.seed for _, sampling in engine.calls}) == 4


def test_a_policy_that_cannot_answer_fails_the_episode_and_earns_nothing(play):
    with pytest.raises(EngineError):
        play(invite("code_o", DOUBLE), TRIPLE, EngineError("gone"))
    with pytest.raises(EnvError, match="needs a program to begin with"):
        play(invite("code_f"), TRIPLE)
    with pytest.raises(ConfigError, match="is no problem about a program"):
        play(type(to_task(DOUBLE))("t", ()), RIGHT)


def test_options_out_of_range_are_named_together(grader):
    with pytest.raises(ConfigError) as caught:
        CodeSelfPlay(grader=grader, num_proposals=0, num_samples=0, num_inputs=1, helper_prob=2.0)
    assert len(caught.value.problems) == 4
