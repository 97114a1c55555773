"""The page of a run's audit."""

from guerdon.trust.audit import Audited, Drift
from guerdon.trust.audit_page import audit_page

ROWS = [
    Audited(1, 0, "a", 1.0, 0.0, "not so"),
    Audited(2, 0, "b", 0.5, 0.5),
    Audited(2, 1, "c", 1.0, None),
]


def drawn(found):
    return audit_page("run", ROWS, found, lambda one: (f"ask {one.task}", f"say {one.task}"))


def test_the_page_shows_both_rewards_and_the_worst_responses_first() -> None:
    text = drawn(None)
    assert "training reward" in text and "audit reward" in text and "<svg" in text
    assert text.index("say a") < text.index("say b")
    assert "say c" not in text and "1 without a result" in text
    assert "Too few" in text


def test_rewards_that_came_apart_are_a_warning() -> None:
    assert 'class="warn"' in drawn(Drift((0.2, 0.9), (0.5, 0.3), 5.0))
    assert 'class="warn"' not in drawn(Drift((0.2, 0.9), (0.2, 0.9), 0.1))
