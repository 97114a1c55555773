"""General self-play: who earns what, what is missing, what joins the pool."""

import asyncio
from dataclasses import dataclass, field

import pytest

from guerdon.engines.scripted import ScriptedEngine, Truncated
from guerdon.envs.self_play.general import GEN, PRED, ProposeSolve
from guerdon.envs.self_play.wording import Wording
from guerdon.errors import BudgetExceeded, ConfigError, EngineError, RewardError
from guerdon.tasks.origin import origin_of
from guerdon.types import Env, Model, Reward, Sampling, Task

QUESTION = "Which is the smallest prime above 89?"
PROPOSAL = f"I like primes. <question>{QUESTION}</question>"
CALL = Task(GEN, (), domain=GEN, info={"problem_type": GEN})
OWN = Task(
    "seed/1",
    ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}),
    domain="general",
    info={"problem_type": PRED},
)


@dataclass
class Marks:
    """A judge whose verdicts are a list, in order, or one for all; an exception is raised."""

    given: list | float
    model: str = "judge"
    seen: list = field(default_factory=list)

    async def __call__(self, task, response, models):
        self.seen.append((task, response))
        mark = self.given[len(self.seen) - 1] if isinstance(self.given, list) else self.given
        if isinstance(mark, Exception):
            raise mark
        return Reward(mark, {"score": mark}, note="because")


def says(proposal=PROPOSAL, answer="97"):
    """Models whose policy proposes and answers with the same words every time."""

    def reply(messages):
        return proposal if "Invent one problem" in messages[-1]["content"] else answer

    engine = ScriptedEngine(reply)
    return {"policy": Model(engine, Sampling(seed=7))}, engine


def play(env, task=CALL, models=None):
    return asyncio.run(env.rollout(task, models or says()[0]))


def env_of(quality=1.0, judge=1.0, **options):
    return ProposeSolve(quality=Marks(quality), judge=Marks(judge), **options)


def rewards(episode, role):
    return [row.reward.value for row in episode.trajectories if row.role == role]


# --- what a proposal earns ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("solved", "inverse", "one_minus", "band"),
    [
        (0, 0.9, 0.4, 0.4),
        (1, 0.4 + 0.5 * 0.875, 0.4 + 0.5 * 0.875, 0.4 + 0.5 * 0.4375),
        (2, 0.775, 0.775, 0.775),
        (3, 0.4 + 0.5 * 0.625, 0.4 + 0.5 * 0.625, 0.4 + 0.5 * 0.9375),
        (4, 0.65, 0.65, 0.9),
        (5, 0.4 + 0.5 * 0.375, 0.4 + 0.5 * 0.375, 0.4 + 0.5 * 0.9375),
        (6, 0.525, 0.525, 0.775),
        (7, 0.4 + 0.5 * 0.125, 0.4 + 0.5 * 0.125, 0.4 + 0.5 * 0.4375),
        (8, 0.4, 0.4, 0.4),
    ],
)
def test_the_reward_of_a_proposal_of_quality_08_for_every_solve_rate(
    solved, inverse, one_minus, band
):
    marks = [1.0] * solved + [0.0] * (8 - solved)
    for shape, expected in (("inverse", inverse), ("one_minus", one_minus), ("band", band)):
        episode = play(env_of(0.8, list(marks), num_samples=8, difficulty=shape))
        assert rewards(episode, "proposer") == [pytest.approx(expected)]
        assert rewards(episode, "solver") == marks


def test_the_documents_defaults_are_three_answers_and_half_quality_half_difficulty():
    episode = play(env_of(0.6, [1.0, 0.5, 0.0]))
    assert rewards(episode, "proposer") == [pytest.approx(0.5 * 0.6 + 0.5 * (1 - 0.5))]
    assert episode.trajectories[0].reward.parts == {
        "quality": 0.6,
        "difficulty": 0.5,
        "solved": 0.5,
    }


def test_weights_ends_and_gates_are_options():
    options = {"quality_weight": 0.2, "difficulty_weight": 1.0, "num_samples": 2}
    assert rewards(play(env_of(0.5, 1.0, **options)), "proposer") == [pytest.approx(0.1)]
    unsolved = env_of(0.5, 0.0, num_samples=2, difficulty="one_minus", ends=-0.5)
    assert rewards(play(unsolved), "proposer") == [pytest.approx(0.25 - 0.25)]
    assert rewards(play(env_of(0.9, 0.2, min_solved=0.3)), "proposer") == [0.0]
    assert rewards(play(env_of(0.9, 0.3, min_solved=0.3)), "proposer") != [0.0]


def test_below_the_least_quality_nothing_is_earned_judged_trained_on_or_kept():
    env = env_of(0.4, 1.0, min_quality=0.5)
    episode = play(env)
    assert [row.role for row in episode.trajectories] == ["proposer"]
    assert rewards(episode, "proposer") == [0.0]
    assert env.judge.seen == [] and episode.new_tasks == ()
    assert episode.metrics["quality"] == 0.4 and "difficulty" not in episode.metrics


@pytest.mark.parametrize(
    "proposal",
    ["Which is the smallest prime above 89?", "<question> </question>", "<question>Why", ""],
)
def test_a_reply_without_a_question_earns_nothing_or_the_penalty_and_asks_no_judge(proposal):
    models, _ = says(proposal)
    env = env_of()
    assert rewards(play(env, models=models), "proposer") == [0.0]
    assert env.quality.seen == []
    strict = env_of(format_reward=True)
    assert rewards(play(strict, models=models), "proposer") == [-1.0]


def test_a_proposal_that_was_cut_is_none():
    models, _ = says(Truncated(PROPOSAL))
    episode = play(env_of(), models=models)
    assert rewards(episode, "proposer") == [0.0] and episode.metrics["valid"] == 0.0


def test_a_question_over_the_length_limit_is_none():
    models, engine = says()
    episode = play(env_of(max_chars=len(QUESTION) - 1), models=models)
    assert rewards(episode, "proposer") == [0.0] and len(engine.calls) == 1


def test_equal_proposals_of_an_episode_share_what_one_of_them_earns():
    same = play(env_of(0.6, 0.5, num_proposals=2))
    assert rewards(same, "proposer") == [pytest.approx(0.55 / 2)] * 2
    assert len(same.new_tasks) == 1 and len(rewards(same, "solver")) == 6
    count = iter(range(10))

    def reply(messages):
        if "Invent one problem" in messages[-1]["content"]:
            return f"<question>{next(count)}?</question>"
        return "97"

    models = {"policy": Model(ScriptedEngine(reply), Sampling(seed=7))}
    differing = play(env_of(0.6, 0.5, num_proposals=2), models=models)
    assert rewards(differing, "proposer") == [pytest.approx(0.55)] * 2
    assert len(differing.new_tasks) == 2
    assert {row.group for row in differing.trajectories if row.role == "proposer"} == {CALL.id}


# --- who is asked what ---------------------------------------------------------------------------


def test_quality_is_judged_against_the_call_and_answers_against_the_question():
    env = env_of(0.7, 0.5)
    episode = play(env)
    asked, question = env.quality.seen[0]
    assert question == QUESTION and "Invent one problem" in asked.prompt[0]["content"]
    tasks = {task.id for task, _ in env.judge.seen}
    assert tasks == {episode.new_tasks[0].id}
    assert {response for _, response in env.judge.seen} == {"97"}


def test_the_proposer_is_shown_the_references_it_was_dealt_and_they_are_the_parents():
    references = [{"id": "seed/1", "subject": "What is 2 + 2?"}]
    models, engine = says()
    call = Task(f"{GEN}#1", (), domain=GEN, info={"problem_type": GEN, "references": references})
    episode = play(env_of(), call, models)
    assert "<question>\nWhat is 2 + 2?\n</question>" in engine.calls[0][0][0]["content"]
    origin = origin_of(episode.new_tasks[0])
    assert origin is not None and origin.parents == ("seed/1",)


def test_every_answer_and_the_proposal_have_seeds_of_their_own():
    models, engine = says()
    play(env_of(num_samples=4), models=models)
    seeds = {sampling.seed for _, sampling in engine.calls}
    assert len(seeds) == 5


def test_answers_can_be_sampled_otherwise_than_the_policy():
    models, engine = says()
    play(env_of(solver_sampling=Sampling(temperature=0.6, max_tokens=9)), models=models)
    assert [sampling.temperature for _, sampling in engine.calls] == [1.0, 0.6, 0.6, 0.6]


def test_answers_are_one_group_and_can_be_left_out_of_training():
    episode = play(env_of())
    groups = {row.group for row in episode.trajectories if row.role == "solver"}
    assert groups == {episode.new_tasks[0].id}
    assert episode.trajectories[0].group == CALL.id
    silent = play(env_of(train_on_samples=False))
    assert [row.role for row in silent.trajectories] == ["proposer"]


def test_the_invented_task_says_where_it_came_from_and_is_the_same_whoever_proposes_it():
    first, second = play(env_of(0.8, [1.0, 0.0, 0.5])), play(env_of(0.6, 0.0))
    origin = origin_of(first.new_tasks[0])
    assert origin is not None
    assert (origin.score, origin.difficulty, origin.judge) == (0.8, 0.5, "judge")
    assert first.new_tasks[0].id == second.new_tasks[0].id
    assert first.new_tasks[0].prompt == ({"role": "user", "content": QUESTION},)


# --- answering a question of the pool ------------------------------------------------------------


def test_an_answer_earns_the_judges_score_directly():
    models, engine = says()
    episode = play(env_of(judge=0.4), OWN, models)
    assert rewards(episode, "solver") == [0.4]
    assert episode.metrics == {"score": 0.4, "success": 0.0}
    asked = engine.calls[0][0]
    assert asked[0] == OWN.prompt[0] and asked[1]["content"].startswith("What is 2 + 2?")
    assert episode.new_tasks == ()


@pytest.mark.parametrize(("score", "earned"), [(0.4, -0.5), (0.5, 0.5), (0.9, 0.9)])
def test_with_a_threshold_a_low_score_costs(score, earned):
    episode = play(env_of(judge=score, threshold=0.5), OWN)
    assert rewards(episode, "solver") == [earned]
    assert episode.metrics["score"] == score


def test_an_answer_outside_its_tag_scores_0_and_nobody_is_asked():
    wording = Wording(solve="{question} Reply in <answer></answer>.", answer_tag="answer")
    env = env_of(wording=wording)
    assert rewards(play(env, OWN), "solver") == [0.0] and env.judge.seen == []
    strict = env_of(wording=wording, format_reward=True)
    assert rewards(play(strict, OWN), "solver") == [-1.0]
    models, _ = says(answer="So <answer> 4 </answer>")
    assert rewards(play(env, OWN, models), "solver") == [1.0]
    assert env.judge.seen[0][1] == "4"


# --- judgements that fail ------------------------------------------------------------------------

DOWN = RewardError("the judge is down")


def test_a_missing_judgement_enters_neither_mean_nor_rows():
    episode = play(env_of(1.0, [1.0, DOWN, 0.0, 1.0], num_samples=4))
    assert rewards(episode, "solver") == [1.0, 0.0, 1.0]
    assert episode.trajectories[0].reward.parts["solved"] == pytest.approx(2 / 3)
    assert episode.metrics["missing"] == 0.25


def test_too_many_missing_judgements_fail_the_episode_with_the_cause():
    with pytest.raises(RewardError, match=r"2 of 3 answers.*env\.min_judged is 0\.5.*is down"):
        play(env_of(1.0, [1.0, DOWN, EngineError("no route")]))


def test_a_proposal_without_a_verdict_leaves_the_others_of_its_episode_as_they_are():
    episode = play(env_of([1.0, DOWN, 1.0, 1.0], 0.5, num_proposals=4))
    assert len(rewards(episode, "proposer")) == 3
    with pytest.raises(RewardError, match="3 of 4 proposals"):
        play(env_of([1.0, DOWN, DOWN, DOWN], 0.5, num_proposals=4))


def test_one_judgement_is_always_needed():
    with pytest.raises(RewardError, match="3 of 3"):
        play(env_of(1.0, DOWN, min_judged=0.0))


def test_without_a_verdict_on_its_quality_a_proposal_is_worth_nothing_known():
    with pytest.raises(RewardError, match="is down"):
        play(env_of(DOWN, 1.0))


def test_an_answer_that_cannot_be_judged_fails_its_episode():
    with pytest.raises(RewardError, match="is down"):
        play(env_of(judge=DOWN), OWN)


def test_a_score_off_the_scale_is_an_error_that_names_the_judge():
    with pytest.raises(RewardError, match=r"Marks gave 7\.0"):
        play(env_of(judge=7.0), OWN)


def test_an_empty_purse_stops_the_run_and_not_the_episode():
    with pytest.raises(BudgetExceeded):
        play(env_of(1.0, BudgetExceeded("spent")))


# --- settings ------------------------------------------------------------------------------------


def test_every_wrong_setting_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        env_of(min_quality=2.0, num_samples=0, quality_weight=-1.0)
    assert [line.split(": ")[1].split("=")[0] for line in caught.value.problems] == [
        "min_quality",
        "num_samples",
        "quality_weight",
    ]


def test_it_is_an_environment_whose_episodes_hold_groups():
    assert isinstance(env_of(), Env) and env_of().makes_groups
