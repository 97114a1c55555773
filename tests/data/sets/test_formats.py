"""Each original format of each set, with rows built here."""

import json

import pytest

from guerdon.data.sets.competition_math import MATH
from guerdon.data.sets.drop import DROP
from guerdon.data.sets.gsm8k import GSM8K
from guerdon.data.sets.hotpotqa import HOTPOTQA
from guerdon.data.sets.record import Split
from guerdon.data.sets.squad import SQUAD


def test_gsm8k_has_its_number_behind_the_marks_or_bare() -> None:
    row = {"question": "2+2?", "answer": "2+2=<<2+2=4>>4\n#### 1,004"}
    [record] = GSM8K.read(row, "train")
    assert (record.reference_answer, record.answer_type, record.split) == (
        "1,004", "numeric", "train"
    )  # fmt: skip
    [aflow] = GSM8K.read({"question": " 2+2? ", "answer": "1004", "cot": "so"}, "test")
    assert aflow.id == record.id and aflow.metadata["solution"] == "so"
    with pytest.raises(ValueError, match="no number"):
        GSM8K.read({"question": "Why?", "answer": "because"}, "train")


def test_math_has_its_answer_in_the_box_of_the_solution() -> None:
    row = {"problem": "x?", "solution": r"So \boxed{\frac{1}{\sqrt{2}}}.", "level": "Level 5"}
    [record] = MATH.read(row, "test")
    assert record.reference_answer == r"\frac{1}{\sqrt{2}}"
    assert record.metadata["level"] == "Level 5"
    [given] = MATH.read(row | {"answer": "7"}, "test")
    assert given.reference_answer == "7" and given.id == record.id
    with pytest.raises(ValueError, match="boxed"):
        MATH.read(row | {"solution": "none"}, "test")


@pytest.mark.parametrize("form", ["pairs", "json", "python", "columns"])
def test_hotpotqa_keeps_every_paragraph_in_each_form_of_its_context(form: str) -> None:
    pairs = [["Ada", ["Ada wrote.", " It ran."]], ["Babbage", ["He didn't."]]]
    context = {
        "pairs": pairs,
        "json": json.dumps(pairs),
        "python": repr(pairs),
        "columns": {"title": [p[0] for p in pairs], "sentences": [p[1] for p in pairs]},
    }[form]
    [record] = HOTPOTQA.read({"_id": "5a", "question": "Who?", "answer": "Ada", "context": context},
                             "validation")  # fmt: skip
    assert record.context == "Ada: Ada wrote. It ran.\nBabbage: He didn't."
    assert record.id == "hotpotqa/5a"


@pytest.mark.parametrize("context", [None, [], "no list", [["title"]], {"title": 1}])
def test_hotpotqa_without_paragraphs_is_refused(context: object) -> None:
    with pytest.raises(ValueError, match="context"):
        HOTPOTQA.read({"question": "Who?", "answer": "Ada", "context": context}, "test")


ARTICLE = {
    "title": "Normans",
    "paragraphs": [
        {
            "context": "The Normans lived in Normandy.",
            "qas": [
                {"question": "Where did they live?", "id": "a", "is_impossible": False,
                 "answers": [{"text": "Normandy", "answer_start": 21},
                             {"text": "in Normandy", "answer_start": 18}]},
                {"question": "Who was their king?", "id": "b", "is_impossible": True,
                 "answers": [], "plausible_answers": [{"text": "Normans", "answer_start": 4}]},
            ],
        }
    ],
}  # fmt: skip


def test_squad_reads_articles_and_labels_what_has_no_answer() -> None:
    answered, unanswerable = SQUAD.read(ARTICLE, "train")
    assert answered.answers == ("Normandy", "in Normandy") and answered.id == "squad/a"
    assert answered.context == "The Normans lived in Normandy."
    assert unanswerable.reference_answer == "unanswerable"
    assert unanswerable.metadata["is_unanswerable"]
    assert '"unanswerable"' in answered.problem  # or the hint would give the label away


def test_squad_reads_the_rows_of_the_hub_the_same() -> None:
    row = {"id": "a", "title": "Normans", "context": "The Normans lived in Normandy.",
           "question": "Where did they live?",
           "answers": {"text": ["Normandy", "in Normandy"], "answer_start": [21, 18]}}  # fmt: skip
    assert SQUAD.read(row, "train") == SQUAD.read(ARTICLE, "train")[:1]
    [none] = SQUAD.read(row | {"answers": {"text": [], "answer_start": []}}, "train")
    assert none.reference_answer == "unanswerable"


def test_drop_splits_aflows_context_and_its_alternatives() -> None:
    row = {"context": "Passage: Rome fell.\nIt burned.\nQuestion: What fell?\nAnswer:",
           "ref_text": "Rome|the city of Rome", "id": 7}  # fmt: skip
    [record] = DROP.read(row, "test")
    assert (record.context, record.question) == ("Rome fell.\nIt burned.", "What fell?")
    assert record.answers == ("Rome", "the city of Rome")


def test_drop_reads_passages_of_the_original_file_with_numbers_spans_and_dates() -> None:
    def asked(question: str, **answer: object) -> dict:
        blank = {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": []}
        return {"question": question, "answer": {**blank, **answer}, "query_id": question}

    passages = {"p1": {"passage": "Text.", "qa_pairs": [
        asked("count?", number="6"), asked("who?", spans=["Ada", "Bob"]),
        asked("when?", date={"day": "", "month": "May", "year": "2010"})]}}  # fmt: skip
    assert DROP.accepts(passages)
    assert [r.reference_answer for r in DROP.read(passages, "all")] == ["6", "Ada, Bob", "May 2010"]


def hub_row(spans: list[str], types: list[str]) -> dict:
    return {"section_id": "nfl_1", "query_id": "q", "passage": "Text.", "question": "Who?",
            "answers_spans": {"spans": spans, "types": types}}  # fmt: skip


def test_drop_takes_all_spans_of_the_hubs_training_rows_for_the_one_answer() -> None:
    [record] = DROP.read(hub_row(["Ada", "Bob"], ["span", "span"]), "train")
    assert record.answers == ("Ada, Bob",)
    [number] = DROP.read(hub_row(["7"], ["number"]), "train")
    assert number.answers == ("7",)


@pytest.mark.parametrize(
    ("spans", "types", "answers"),
    [
        (["Ada", "Ada"], ["span", "span"], ("Ada",)),
        (["7", "8", "7"], ["number"] * 3, ("7", "8")),
        (["4 May 2010", "May 2010"], ["date", "date"], ("4 May 2010", "May 2010")),
        (["36", "36-yard"], ["number", "span"], ("36", "36-yard")),
    ],
)
def test_drop_takes_what_several_people_answered_for_alternatives(
    spans: list[str], types: list[str], answers: tuple[str, ...]
) -> None:
    [record] = DROP.read(hub_row(spans, types), "validation")
    assert record.answers == answers


@pytest.mark.parametrize("split", ["validation", "all"])
def test_drop_refuses_spans_that_may_be_one_answer_or_several(split: Split) -> None:
    with pytest.raises(ValueError, match="Ada, Bob may be one answer or several"):
        DROP.read(hub_row(["Ada", "Bob"], ["span", "span"]), split)


def test_a_set_accepts_rows_of_its_own_formats_only() -> None:
    assert SQUAD.accepts(ARTICLE) and not SQUAD.accepts({"question": "?", "answer": "!"})
    assert not DROP.accepts({}) and not DROP.accepts({"question": "?"})
