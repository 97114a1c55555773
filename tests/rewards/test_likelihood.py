"""P(yes) by the tokens that could have stood where a reply decides."""

from math import log

import pytest

from guerdon.errors import RewardError
from guerdon.rewards.likelihood import probability_of_yes
from guerdon.types import Place

YES, NO = ("yes", "true"), ("no", "false")
DECISION = r"Final Decision:\W*(\w+)"


def place(text: str, **likeliest: float) -> Place:
    return Place(text, tuple((token, log(p)) for token, p in likeliest.items()))


def spaced(text: str, likeliest: dict[str, float]) -> Place:
    return Place(text, tuple((token, log(p)) for token, p in likeliest.items()))


def p_yes(*places: Place, decision: str = r"\b(yes|no)\b") -> float:
    return probability_of_yes(places, decision, YES, NO)


def test_it_is_the_share_of_yes_in_yes_and_no() -> None:
    assert p_yes(place("Yes", Yes=0.6, No=0.2, Well=0.2)) == pytest.approx(0.75)
    assert p_yes(place("No", No=0.6, Yes=0.2, Well=0.2)) == pytest.approx(0.25)


def test_every_way_to_write_a_verdict_counts() -> None:
    found = {" Yes": 0.3, "yes": 0.1, "**YES": 0.05, "True": 0.05, " No": 0.25, '"false': 0.05}
    assert p_yes(spaced("yes", found)) == pytest.approx(0.5 / 0.8)


def test_words_that_only_look_alike_do_not_count() -> None:
    found = {"Yes": 0.3, "Yesterday": 0.3, "No": 0.1, "Not": 0.2, "...": 0.1}
    assert p_yes(spaced("Yes", found)) == pytest.approx(0.75)


def test_a_verdict_in_several_tokens_is_told_by_the_first() -> None:
    places = [place("Y", Y=0.8, N=0.2), place("e", e=1.0), place("s", s=1.0)]
    assert p_yes(*places) == pytest.approx(0.8)


def test_a_beginning_that_both_share_is_passed_over() -> None:
    places = [place("T", T=0.9, F=0.1), place("rue", rue=0.7, wo=0.3)]
    found = probability_of_yes(places, r"(\w+)", ["true"], ["two"])
    assert found == pytest.approx(0.7)


def test_only_the_last_decision_counts() -> None:
    words = ["No", " is", " what", " I", " thought", ".", " Final", " Decision", ":"]
    before = [place(word, No=1.0) for word in words]
    last = spaced(" Yes", {" Yes": 0.9, " No": 0.1})
    assert p_yes(*before, last, decision=DECISION) == pytest.approx(0.9)


def test_what_is_not_listed_and_matters_is_an_error_not_a_number() -> None:
    assert p_yes(place("Yes", Yes=0.995, Sure=0.004)) == 1.0
    with pytest.raises(RewardError, match=r"how likely a yes is \('Yes' 0.900, 'Sure'"):
        p_yes(place("Yes", Yes=0.9, Sure=0.1))
    with pytest.raises(RewardError, match="leave open"):
        p_yes(place("No", Sure=0.5, Well=0.5))
    with pytest.raises(RewardError, match="none is known"):
        p_yes(place("No"))


def test_a_sampled_token_that_is_none_of_the_likeliest_says_nothing_of_the_rest() -> None:
    """OpenAI's completions and vLLM list it beside them, or first: here a yes may have 0.15."""
    found = {"NO": 0.00001, "Sure": 0.4, "no": 0.2, "Well": 0.15}
    with pytest.raises(RewardError, match="leave open"):
        p_yes(spaced("NO", found))


def test_tokens_that_spell_no_verdict_are_an_error() -> None:
    for places in ([], [place("Maybe", Yes=0.5, No=0.5)]):
        with pytest.raises(RewardError, match="spell no yes and no no"):
            p_yes(*places)
