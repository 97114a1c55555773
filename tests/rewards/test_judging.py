"""How a judge is asked, how often, and what is made of replies without a verdict."""

import asyncio
import json

import pytest

from guerdon.engines.remote import RemoteEngine
from guerdon.engines.scripted import Truncated
from guerdon.errors import (
    BudgetExceeded,
    ConfigError,
    EngineError,
    NoVerdict,
    RefusalError,
    RewardError,
    TransportError,
)
from guerdon.llm.testing import ScriptedServer
from guerdon.rewards.judge import Judge
from guerdon.rewards.sealed import unseal
from guerdon.types import Model, Sampling, Task
from judges import TASK, model, speaking, tagged


def score(judge, *models, response="Paris", task=TASK):
    named = {"judge": models[0]} | {f"judge{i}": one for i, one in enumerate(models)}
    return asyncio.run(judge(task, response, named))


def remote(server, **options):
    options = {"max_attempts": 1, "timeout_s": 5.0, **options}
    return RemoteEngine("scripted", base_url=server.url, price="free", **options)


def ask_server(script, judge, *, engine=None, response="Paris", task=TASK):
    """The reward of one response, and the requests the server got."""

    async def run(server):
        judging = remote(server, **(engine or {}))
        try:
            return await judge(task, response, {"judge": Model(judging, Sampling(temperature=0.0))})
        finally:
            await judging.close()

    with ScriptedServer(script) as server:
        return asyncio.run(run(server)), server.asked


# --- the prompt ----------------------------------------------------------------------------------


def test_the_judge_sees_question_reference_and_response_between_marks():
    judge = model(tagged(9))
    score(Judge(), judge)
    ((system, user),) = [prompt for prompt, _ in judge.engine.calls]
    assert (system["role"], user["role"]) == ("system", "user")
    assert unseal(user["content"]) == {
        "question": "Capital of France?",
        "reference": "Paris",
        "response": "Paris",
    }
    assert "Paris" not in system["content"]


def test_the_system_message_is_the_same_for_every_response():
    judge = model(tagged(9), tagged(3))
    score(Judge(), judge)
    score(Judge(), judge, response="Lyon")
    first, second = [prompt[0] for prompt, _ in judge.engine.calls]
    assert first == second


def test_without_a_reference_none_is_shown_and_a_rubric_that_needs_one_says_so():
    bare = Task("x", TASK.prompt)
    judge = model(tagged(9))
    score(Judge(), judge, task=bare)
    assert "reference" not in unseal(judge.engine.calls[0][0][1]["content"])
    with pytest.raises(RewardError, match="task 'x' has no reference answer"):
        score(Judge(rubric="correctness"), model(tagged(1)), task=bare)


def test_a_proposed_task_is_shown_without_the_prompt_that_asked_for_it():
    judge = model(tagged(1))
    score(Judge(rubric="solvability"), judge, response="What is 2 + 2?")
    shown = unseal(judge.engine.calls[0][0][1]["content"])
    assert shown == {"response": "What is 2 + 2?"}


def test_a_conversation_is_shown_under_its_roles():
    prompt = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"})
    judge = model(tagged(9))
    score(Judge(), judge, task=Task("x", prompt))
    shown = unseal(judge.engine.calls[0][0][1]["content"])
    assert shown["question"] == "[system]\nBe brief.\n\n[user]\nHi"


# --- by tag or by schema -------------------------------------------------------------------------


def test_a_server_with_structured_output_is_held_to_the_schema():
    reward, (asked,) = ask_server(speaking(lambda seen: 7), Judge(), engine={"supports_schema": True})
    assert reward.value == pytest.approx(6 / 9)
    schema = asked.body["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["properties"]["verdict"]["maximum"] == 10
    assert "verdict-" not in asked.text


def test_any_other_server_is_asked_for_a_tag():
    reward, (asked,) = ask_server(speaking(lambda seen: 7), Judge())
    assert reward.value == pytest.approx(6 / 9)
    assert "response_format" not in asked.body and "</verdict-" in asked.text


def test_a_tag_can_be_asked_of_a_server_with_structured_output():
    judge = Judge(output="tag")
    _, (asked,) = ask_server(speaking(lambda seen: 7), judge, engine={"supports_schema": True})
    assert "response_format" not in asked.body


def test_a_server_that_ignores_the_schema_gives_no_verdict():
    with pytest.raises(NoVerdict, match="not one JSON object"):
        ask_server(lambda ask: "7", Judge(), engine={"supports_schema": True})


def test_a_schema_no_engine_can_keep_is_an_error_of_the_configuration():
    with pytest.raises(ConfigError, match="use output=tag"):
        score(Judge(output="schema"), model(tagged(9)))
    with pytest.raises(ConfigError, match="supports_schema"):
        ask_server(speaking(lambda seen: 7), Judge(output="schema"))


# --- outcomes ------------------------------------------------------------------------------------

BAD = {
    "parse_failure": "I would say 7 of 10.",
    "truncated": Truncated("It is <verdict-{}>7</verdict-{}>"),
    "refused": RefusalError("declined"),
}


@pytest.mark.parametrize("outcome", BAD)
def test_a_reply_without_a_verdict_is_asked_for_again(outcome):
    judge = model(BAD[outcome], tagged(9))
    assert score(Judge(), judge).parts["score"] == 9.0
    first, second = [prompt[1]["content"] for prompt, _ in judge.engine.calls]
    assert second.startswith(first) and "Attempt 2: an earlier reply" in second
    assert unseal(first) == unseal(second)


@pytest.mark.parametrize("outcome", BAD)
def test_after_so_many_tries_it_is_an_error_that_says_how(outcome):
    judge = model(*[BAD[outcome]] * 9)
    with pytest.raises(NoVerdict, match=f"judge 'judge', 3 tries .{outcome}, {outcome}") as caught:
        score(Judge(), judge)
    assert caught.value.outcome == outcome
    prompts = [prompt[1]["content"] for prompt, _ in judge.engine.calls]
    assert len(prompts) == len(set(prompts)) == 3


def test_no_word_of_an_unreadable_reply_comes_back_outside_the_marks():
    judge = model(tagged("ignore the rubric"), tagged(9))
    score(Judge(), judge)
    assert "ignore the rubric" not in judge.engine.calls[1][0][1]["content"]


@pytest.mark.parametrize("error", [TransportError("away"), EngineError("broken")])
def test_a_judge_that_cannot_be_reached_is_not_asked_again_here(error):
    judge = model(error, tagged(9))
    with pytest.raises(NoVerdict, match="transport") as caught:
        score(Judge(), judge)
    assert caught.value.outcome == "transport" and caught.value.__cause__ is error
    assert len(judge.engine.calls) == 1


def test_an_empty_budget_is_not_a_missing_verdict():
    with pytest.raises(BudgetExceeded):
        score(Judge(), model(BudgetExceeded("spent")))


# --- several verdicts ----------------------------------------------------------------------------


def test_the_median_of_several_samples_counts():
    judge = model(tagged(2), tagged(9), tagged(8), temperature=1.0)
    reward = score(Judge(samples=3), judge)
    assert (reward.parts["score"], reward.parts["spread"]) == (8.0, 7.0)
    seeds = [sampling.seed for _, sampling in judge.engine.calls]
    assert len(set(seeds)) == 3


def test_the_median_of_several_judges_counts_and_two_make_a_mean():
    judges = [model(tagged(value)) for value in (3, 8)]
    assert score(Judge(model=("judge0", "judge1")), *judges).parts["score"] == 5.5


def test_one_missing_verdict_fails_the_whole_unless_a_quorum_is_there():
    def judges():
        return [model(tagged(3)), model(TransportError("away")), model(tagged(8))]

    names = ("judge0", "judge1", "judge2")
    with pytest.raises(NoVerdict, match="judge 'judge1'"):
        score(Judge(model=names), *judges())
    assert score(Judge(model=names, quorum=2), *judges()).parts["score"] == 5.5


def test_samples_that_would_all_be_the_same_are_refused():
    with pytest.raises(ConfigError, match="at temperature 0 are one sample"):
        score(Judge(samples=3), model(*[tagged(9)] * 3))


def test_the_same_response_is_judged_with_the_same_seeds_whoever_gave_it():
    judge = model(tagged(9), tagged(9), temperature=1.0)
    for member in range(2):
        score(Judge(), judge.at("step", member))
    first, second = [sampling.seed for _, sampling in judge.engine.calls]
    assert first == second


# --- the fields of the document ------------------------------------------------------------------


def test_the_documents_fields_are_taken_as_they_are():
    judge = Judge(
        llm_model_name="scripted", temperature=0.7, max_tokens=1000, top_p=0.95, stream=True
    )
    reward, (asked,) = ask_server(speaking(lambda seen: 10), judge)
    assert reward.value == 1.0
    sent = {name: asked.body.get(name) for name in ("temperature", "max_tokens", "top_p", "stream")}
    assert sent == {"temperature": 0.7, "max_tokens": 1000, "top_p": 0.95, "stream": True}


def test_another_model_than_the_one_named_is_refused():
    with pytest.raises(ConfigError, match=r"models.judge.engine.model is 'scripted', and llm_model"):
        ask_server(speaking(lambda seen: 7), Judge(llm_model_name="meta/llama-3.1-405b-instruct"))


def test_a_judge_that_is_not_in_models_is_named():
    with pytest.raises(ConfigError, match="no model 'grader'; models has judge"):
        score(Judge(model="grader"), model(tagged(9)))


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"samples": 0}, "samples: must be at least 1"),
        ({"quorum": 2}, "quorum: 2 of 1 verdicts"),
        ({"model": ("a", "a")}, "name each judge once"),
        ({"model": ()}, "name each judge once"),
        ({"temperature": -1.0}, "temperature: must be within 0 and 2"),
        ({"top_p": 0.0}, "top_p: must be above 0"),
        ({"llm_model_name": "x", "model": ("a", "b")}, "llm_model_name: is of one judge"),
        ({"rubric": "pairwise"}, "is of kind 'pair'"),
    ],
)
def test_settings_that_make_no_sense_are_named_before_anybody_is_asked(fields, line):
    with pytest.raises(ConfigError) as caught:
        Judge(**fields)
    assert line in str(caught.value)


def test_a_reply_is_json_all_through_a_stream():
    judge = Judge(stream=True)
    reward, (asked,) = ask_server(
        lambda ask: json.dumps({"reason": "fine", "verdict": 10}),
        judge,
        engine={"supports_schema": True},
    )
    assert (reward.value, reward.note, asked.body["stream"]) == (1.0, "fine", True)
