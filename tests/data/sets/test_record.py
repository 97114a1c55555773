import json

import pytest

from guerdon.data.sets.record import Record, digest, from_json

QA = Record(
    id="squad/1", dataset="squad", domain="qa", question="Who?", reference_answer="Ada",
    answer_type="text", answers=("Ada", "Lovelace"), context="Ada Lovelace.", split="train",
    metadata={"may_be_unanswerable": True},
)  # fmt: skip


def test_a_row_of_json_reads_back_as_the_same_record() -> None:
    row = json.loads(json.dumps(QA.to_json()))
    assert from_json(row) == QA
    assert list(row)[:7] == [
        "id", "dataset", "domain", "question", "reference_answer", "answer_type", "metadata"
    ]  # fmt: skip


def test_a_question_is_asked_with_its_context_and_says_that_it_may_have_no_answer() -> None:
    problem = QA.problem
    assert problem.startswith("Context: Ada Lovelace.\n\nQuestion: Who?")
    assert '"unanswerable"' in problem and problem.endswith("Answer:")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": ""}, "'question' must be a text"),
        ({"domain": "art"}, "domain is 'art'"),
        ({"answers": "Ada"}, "'answers' must be a list"),
        ({"domain": "code"}, "needs 'entry_point' and 'test'"),
    ],
)
def test_a_malformed_row_says_what_is_wrong(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(QA.to_json() | change)


def test_texts_that_differ_in_case_and_space_only_have_the_same_digest() -> None:
    assert digest("A  b\n", "c") == digest("a B", " C ") != digest("a b c")
