"""The audit of a run as a page: both rewards over the steps, and what was overpaid."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guerdon.trust import page
from guerdon.trust.audit import Audited, Drift, by_step, worst

Transcript = Callable[[Audited], tuple[str, str]]
"""The prompt and the response of an audited episode."""


def audit_page(
    run: str, audited: Sequence[Audited], found: Drift | None, transcript: Transcript
) -> str:
    """A page of its own.

    Args:
        run: the run's name.
        found: what the latest comparison said; None: there were too few responses.
    """
    steps = by_step(audited)
    lines = {
        "training reward": [(float(step), train) for step, (train, _) in steps.items()],
        "audit reward": [(float(step), audit) for step, (_, audit) in steps.items()],
    }
    missing = sum(one.audit is None for one in audited)
    about = f"{len(audited)} responses were scored by both rewards, {missing} without a result."
    rows = [
        (one.step, one.task, one.train, one.audit, one.note, *transcript(one))
        for one in worst(audited)
    ]
    columns = ("step", "task", "training reward", "audit reward", "why", "prompt", "response")
    return page.page(
        f"{run}: training reward against audit reward",
        _verdict(found),
        page.paragraph(about),
        page.plot(lines, x="step", y="mean reward"),
        page.heading("The responses that the training reward overpaid most"),
        page.table(columns, rows),
    )


def _verdict(found: Drift | None) -> str:
    if found is None:
        return page.paragraph("Too few responses to compare the beginning with the end.")
    if found.has_diverged:
        return page.paragraph(f"The rewards have come apart: {found}.", is_warning=True)
    return page.paragraph(f"No sign that the rewards come apart: {found}.")
