import pytest

from guerdon.suite.methods import BASELINES, CANDIDATES
from guerdon.workflow import Task, check, shipped_catalog

ALL = [
    (domain, program) for programs in [*BASELINES.values()] for domain, program in programs.items()
] + [(domain, program) for domain, found in CANDIDATES.items() for program in found.values()]


@pytest.mark.parametrize(("domain", "program"), ALL)
def test_every_fixed_workflow_is_valid_in_its_domain(domain: str, program: str) -> None:
    checked = check(program, shipped_catalog(), Task(domain, has_tests=domain == "code"))
    assert checked.is_valid, checked.findings


def test_the_baselines_cost_what_their_names_say() -> None:
    for domain in ("math", "code"):
        plain = check(BASELINES["one call"][domain], shipped_catalog(), Task(domain))
        five = check(BASELINES["self-consistency of 5"][domain], shipped_catalog(), Task(domain))
        assert plain.max_calls == 1
        assert five.max_calls == 7  # five, a vote, and its second asking at most
