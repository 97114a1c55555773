"""What proposer and solver are told, and how their replies are read."""

import pytest

from guerdon.envs.self_play.wording import Wording
from guerdon.errors import ConfigError
from guerdon.types import Task

WORDS = Wording()


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("<question>Why?</question>", "Why?"),
        ("First\n<question>\nWhy?\nHow?\n</question>\nDone", "Why?\nHow?"),
        ("<question>old</question> better: <question>new</question>", "new"),
        ("<question>a <question>b</question>", "b"),
        ("<think><question>draft</question></think><question>final</question>", "final"),
        ("<think><question>draft</question></think> nothing", None),
        ("<question>never closed", None),
        ("closed</question>", None),
        ("<question>   </question>", None),
        ("<Question>Why?</Question>", None),
    ],
)
def test_a_question_is_what_the_last_whole_tag_after_the_thoughts_holds(reply, question):
    assert WORDS.question_in(reply) == question


def test_without_a_tag_the_whole_reply_counts():
    words = Wording(question_tag=None)
    assert words.question_in("  3+4 \n") == "3+4"
    assert words.question_in(" \n") is None
    assert WORDS.answer_in("<think>hm</think> 7") == "7"


def test_many_tags_are_read_in_no_time():
    assert WORDS.question_in("<question>" * 200_000) is None


def test_references_stand_in_tags_and_are_announced_only_if_there_are_any():
    (alone,) = WORDS.proposer_prompt()
    (shown,) = WORDS.proposer_prompt(["A?", "B?"])
    assert alone["content"] == WORDS.propose
    rest = shown["content"].removeprefix(WORDS.propose + WORDS.references)
    assert rest == "\n\n<question>\nA?\n</question>\n\n<question>\nB?\n</question>"


def test_the_solver_reads_the_last_message_in_our_words_and_the_others_as_they_are():
    task = Task(
        "t", ({"role": "system", "content": "Hi"}, {"role": "user", "content": "{question}{x}"})
    )
    first, last = Wording(solve="{question}=").solver_prompt(task)
    assert first == task.prompt[0] and last == {"role": "user", "content": "{question}{x}="}


def test_words_that_leave_the_question_or_a_tag_out_are_refused_together():
    with pytest.raises(ConfigError) as caught:
        Wording(solve="Answer.", propose="Ask.", answer_tag="answer")
    assert len(caught.value.problems) == 3
