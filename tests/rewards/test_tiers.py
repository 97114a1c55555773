"""The five tiers, number by number, and what strict mends."""

import asyncio

import pytest

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.code_tests import CodeTests
from guerdon.rewards.tiers import (
    CodeTiers,
    MathTiers,
    QaTiers,
    code_tier,
    math_answer,
    math_tier,
    number,
    qa_answer,
    qa_tier,
)
from guerdon.sandbox import Limits, Sandbox
from guerdon.types import Reward, Task


def score(reward, response, answer, **info):
    return asyncio.run(reward(Task("t", (), answer=answer, info=info), response, {}))


class Judge:
    """Always of one opinion; counts how often it is asked."""

    def __init__(self, value):
        self.value, self.num_asked = value, 0

    async def __call__(self, task, response, models):
        self.num_asked += 1
        return Reward(self.value, note="so I say")


@pytest.mark.parametrize(
    ("prediction", "gold", "tier"),
    [
        ("42", "42", 1.0),
        ("42.004", "42", 1.0),  # e = 9.5e-5
        ("42.005", "42", 0.7),  # e = 1.2e-4
        ("41", "42", 0.7),  # e = 0.024
        ("44.2", "42", 0.4),  # e = 0.052
        ("62", "42", 0.4),  # e = 0.476
        ("63", "42", 0.4),  # e = 0.5 less what 1e-9 makes of it
        ("64", "42", 0.2),
        ("-42", "42", 0.2),
        ("many", "42", 0.0),
        ("", "42", 0.0),
    ],
)
def test_math_goes_by_relative_error(prediction, gold, tier):
    assert math_tier(prediction, gold) == tier


@pytest.mark.parametrize(
    ("prediction", "gold", "tier", "strict"),
    [
        ("41", "42", 0.7, 0.4),  # a near whole number is a wrong one
        ("-1/2", "0.5", 1.0, 0.2),  # the sign of a fraction
        ("-1/2", "-0.5", 0.2, 1.0),
        ("1,000", "1000", 0.2, 1.0),  # read as 0
        ("1e-7", "0", 0.2, 1.0),  # e = 100 against 1e-9
        ("0.3", "0", 0.2, 0.4),
        ("2.0000001", "2", 1.0, 1.0),
        ("3.1", "3.15", 0.7, 0.7),  # e = 0.016, and no whole number is asked for
    ],
)
def test_what_is_odd_in_math_is_kept_and_strict_mends_it(prediction, gold, tier, strict):
    assert math_tier(prediction, gold) == tier
    assert math_tier(prediction, gold, strict=True) == strict


def test_numbers_are_read_as_published():
    assert number("3/4 of it") == 0.75
    assert number("-3/4", strict=True) == -0.75
    assert number("5/0 or 7") == 7.0
    assert number("1,234,567", strict=True) == 1_234_567.0
    assert number("1,5 and 2", strict=True) == 2.0
    assert number("none") is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"<answer>1</answer> \boxed{3} <answer> 2 </answer>", "2"),
        (r"so \boxed{\frac{1}{2}}. The answer is 9", r"\frac{1}{2}"),
        (r"\boxed{def f(): return 1} the answer is 9", "9"),
        ("The final answer is: -7", "-7"),
        ("so x + 1 = 2", "sox+1=2"),
        ("It costs 12 (or 13)", "12"),
        ("(13)", "13"),
        ("3/4 5", "3/4"),
        ("no idea", ""),
    ],
)
def test_the_final_answer_is_found_in_this_order(text, answer):
    assert math_answer(text) == answer


def test_hashes_count_in_a_reference_only():
    assert math_answer("2 * 3 = 6\n#### 6\nnot 7", is_gold=True) == "6"
    assert math_answer("It is #### 6, not 7") == "7"


@pytest.mark.parametrize(
    ("prediction", "gold", "tier", "strict"),
    [
        ("Paris!", "paris", 1.0, 1.0),
        ("the city of Paris", "Paris", 0.7, 0.7),  # held, 12 characters more
        ("in Paris", "Paris", 0.4, 0.4),  # three characters more; F1 = 2/3
        ("It is not Paris at all, it is London", "Paris", 0.7, 0.2),  # F1 = 1/4
        ("Parisian suburbs", "Paris", 0.7, 0.0),
        ("a b c d", "a b c d e", 0.7, 0.7),  # F1 = 8/9
        ("a b c", "a b c d e", 0.4, 0.4),  # F1 = 0.75, not above
        ("a b", "a b c d e f", 0.2, 0.2),  # F1 = 0.5, not above
        ("a x", "a b c d e f g h", 0.0, 0.0),  # F1 = 0.2, not above
        ("", "Paris", 0.0, 0.0),
        ("word " * 9 + "Paris", "Paris", 0.7, 0.4),  # set of two words: F1 = 2/3
    ],
)
def test_qa_goes_by_equality_containment_and_set_f1(prediction, gold, tier, strict):
    assert qa_tier(prediction, gold) == tier
    assert qa_tier(prediction, gold, strict=True) == strict


def test_an_answer_in_words_is_an_option_what_follows_the_mark_or_all_of_it():
    assert qa_answer("(B)") == "b"
    assert qa_answer("Some thought. Answer: The Hague.") == "the hague"
    assert qa_answer("Apple pie") == "apple pie"


@pytest.mark.parametrize(
    ("passed", "tier"),
    [(1.0, 1.0), (0.99, 1.0), (0.98, 0.7), (0.75, 0.7), (0.74, 0.4), (0.5, 0.4), (0.49, 0.2),
     (0.2, 0.2), (0.19, 0.0), (0.0, 0.0)],
)  # fmt: skip
def test_code_goes_by_the_share_of_tests(passed, tier):
    assert code_tier(passed) == tier


def test_math_is_also_compared_symbolically():
    assert score(MathTiers(), r"\boxed{\frac{1}{2}}", "0.5").value == 1.0
    assert score(MathTiers(), r"\boxed{x+x}", "2*x").value == 1.0
    assert score(MathTiers(), r"\boxed{x+1}", "2*x").value < 1.0


def test_the_best_of_several_references_counts():
    assert score(QaTiers(), "USA", "United States|USA").value == 1.0


def test_a_judge_is_asked_only_where_the_rule_is_below_tier_4_and_is_logged():
    judge = Judge(1.0)
    reward = QaTiers(judge=judge)
    assert score(reward, "Paris", "Paris").value == 1.0 and judge.num_asked == 0
    found = score(reward, "the French capital", "Paris")
    assert (found.value, found.parts) == (0.7, {"rule": 0.0, "judge": 1.0})
    assert "so I say" in found.note and judge.num_asked == 1
    assert score(QaTiers(judge=Judge(0.4)), "the French capital", "Paris").value == 0.0
    assert score(reward, " ", "Paris").value == 0.0 and judge.num_asked == 1


def test_no_reference_is_an_error():
    for reward in (MathTiers(), QaTiers()):
        with pytest.raises(RewardError, match="no reference answer"):
            score(reward, "7", None)


def test_code_is_tested_in_the_sandbox():
    sandbox = Sandbox(limits=Limits(wall_s=2.0), num_workers=1)
    tests = [f"assert f({n}) == {n * n}" for n in range(4)]
    reward = CodeTiers(tests=CodeTests(sandbox=sandbox, partial=True))
    for body, tier in (("x * x", 1.0), ("x * x if x < 3 else 0", 0.7), ("x", 0.4), ("None", 0.0)):
        program = f"```python\ndef f(x):\n    return {body}\n```"
        assert score(reward, program, None, tests=tests).value == tier
    sandbox.close()
    with pytest.raises(ConfigError, match="partial must be true"):
        CodeTiers(tests=CodeTests(sandbox=sandbox))
