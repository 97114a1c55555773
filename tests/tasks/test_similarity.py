import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.tasks.similarity import (
    NearTexts,
    Passages,
    digest,
    passages,
    signature,
    similarity,
    words,
)

TEXT = "Ann has 3 apples, buys 4 more and gives half of them to Ben; how many has Ben then?"


def test_case_spacing_and_unicode_form_do_not_count_and_signs_do():
    assert digest("Two  Words\n") == digest("two words")
    assert digest("\uff54wo words") == digest("two words")
    assert digest("x + 1") == digest("x+1")
    assert digest("x + 1") != digest("x - 1") and digest("a b") != digest("ab")
    assert words("f(x)=-1") == ["f", "(", "x", ")", "=", "-", "1"]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(0, 40))
def test_the_estimate_is_near_the_true_similarity(seed, num_changed):
    draw = random.Random(seed)
    one = [f"w{draw.randrange(10_000)}" for _ in range(120)]
    two = [*one]
    for at in draw.sample(range(120), num_changed):
        two[at] = "changed"
    a, b = (passages(" ".join(text), 3) for text in (one, two))
    truth = len(a & b) / len(a | b)
    estimate = similarity(signature(" ".join(one)), signature(" ".join(two)))
    assert estimate == pytest.approx(truth, abs=0.2)  # 4.5 standard deviations


def test_a_signature_is_the_same_in_every_process():
    assert signature("one two three four")[:3].tolist() == GOLDEN


GOLDEN = [835488222, 1266597746, 13021065]


def test_nearest_finds_a_changed_copy_and_forgets_what_is_removed():
    near = NearTexts()
    for number in range(50):
        near.add(number, f"a different text of number {number * 7919} about nothing else at all")
    near.add("copy", TEXT)
    assert near.nearest(TEXT.upper()) == 1.0
    assert near.nearest(TEXT.replace("Ben", "Bob", 1)) > 0.6
    near.remove("copy")
    assert near.nearest(TEXT) < 0.3


def test_short_texts_are_equal_or_different():
    near = NearTexts()
    near.add(1, "x+3")
    assert (near.nearest("X + 3"), near.nearest("x+4"), near.nearest("")) == (1.0, 0.0, 0.0)


def test_a_passage_is_found_wherever_it_stands_but_the_words_around_problems_are_not_passages():
    instruction = "Please reason step by step and put your final answer in a box."
    texts = [f"{TEXT} {instruction}", f"What is the sum of all primes below ten? {instruction}"]
    known = Passages(texts, 8)
    assert known.occur_in(f"Once more: {TEXT}")
    assert not known.occur_in(f"Something else altogether is asked here. {instruction}")
    assert not known.occur_in("Ann has 3 apples")
