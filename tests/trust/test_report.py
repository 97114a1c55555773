"""Calibration as a record, lines and a page."""

import json

from guerdon.data.labelled import Labelled
from guerdon.errors import RewardError
from guerdon.trust.report import calibrate, lines, to_html
from guerdon.trust.scoring import Case
from guerdon.types import Reward
from trust_parts import Said, task


def cases():
    rows = [("1", 0.9), ("1", 0.8), ("0", 0.3), ("0", 0.7), ("0", 0.1)]
    found = [
        Case(Labelled(task(str(i), domain="ab"[i % 2]), ("r" * (i + 1),), label), (Reward(value),))
        for i, (label, value) in enumerate(rows)
    ]
    return [*found, Case(Labelled(task("lost"), ("r",), "1"), error=RewardError("away"))]


def test_examples_without_a_verdict_are_counted_apart() -> None:
    found = calibrate("mine", [cases()], right_at=0.5)
    assert (found.num_examples, found.errors, found.agreement.n) == (6, 1, 5)
    assert found.agreement.agreement.value == 0.8


def test_the_record_is_plain_json_with_every_part() -> None:
    record = json.loads(json.dumps(calibrate("mine", [cases(), cases()]).to_json()))
    assert record["sources"]["all"]["threshold"]["right_at"] == 0.75
    assert record["consistency"]["same"]["value"] == 1.0
    assert record["order"] is None and record["longer"] is None


def test_lines_and_page_say_the_same_numbers() -> None:
    found = calibrate("mine", [cases()])
    text, page = "\n".join(lines(found)), to_html(found)
    assert "right at 0.75" in text
    assert "0.750" in page and page.count("<svg") == 3


def test_comparisons_show_order_and_length() -> None:
    compared = [
        Case(Labelled(task(str(i)), ("x", "yy"), "1"), compared=Said("1", "2" if i else "1"))
        for i in range(4)
    ]
    found = calibrate("pairwise", [compared])
    assert found.sources == {} and found.order and found.order.flips.value == 0.75
    assert "flips" in to_html(found)
