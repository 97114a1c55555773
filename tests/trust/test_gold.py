"""How right answers are written."""

import pytest

from guerdon.rewards.combine import Weighted
from guerdon.rewards.match import Match
from guerdon.rewards.math import Math
from guerdon.trust.gold import gold_responses, saying
from trust_parts import Exact, task


def test_a_reward_says_how_its_answers_are_written() -> None:
    assert gold_responses(Math(), task(answer="75")) == (r"\boxed{75}",)
    assert gold_responses(Math(), task(answer="So it is 75.\n#### 75")) == (r"\boxed{75}",)
    assert gold_responses(Match(), task(answer="Paris")) == ("Paris",)
    assert gold_responses(Match(pattern=r"\d+"), task(answer="75")) == ("75",)


def test_a_reward_that_does_not_know_says_so() -> None:
    assert gold_responses(Match(pattern="<a>(.*)</a>"), task(answer="75")) == ()


def test_of_a_reward_made_of_parts_the_first_part_that_knows_says_how() -> None:
    inner = Weighted(
        parts={"other": Exact(), "right": Math()}, weights={"other": 0.5, "right": 0.5}
    )
    whole = Weighted(parts={"form": Exact(), "inner": inner}, weights={"form": 0.5, "inner": 0.5})
    assert gold_responses(whole, task(answer="75")) == (r"\boxed{75}",)


def test_a_template_comes_before_what_the_reward_says() -> None:
    found = gold_responses(Math(), task(answer="75"), "Answer: {answer}")
    assert found == ("Answer: 75",)


def test_where_nobody_says_the_usual_ways_are_tried() -> None:
    found = gold_responses(Exact(), task(answer="75"))
    assert found[0] == "75" and r"\boxed{75}" in found


def test_without_a_reference_there_is_nothing_to_write() -> None:
    assert gold_responses(Math(), task(answer=None)) == ()


@pytest.mark.parametrize("reward", [Math(), Exact()])
def test_any_answer_is_said_where_the_reward_looks(reward) -> None:
    assert "{" in saying(reward, task(), "{")
