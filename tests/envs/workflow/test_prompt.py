"""What the policy is told is itself right: its example is a valid workflow."""

import pytest

from guerdon.envs.workflow.prompt import policy_prompt, problem_of
from guerdon.types import Task
from guerdon.workflow import Limits, check, shipped_catalog
from guerdon.workflow import Task as Setting

CATALOG = shipped_catalog()


def prompt(domain, **options):
    options = {"has_tests": False, "surface": "python", "listing": "full"} | options
    said = ({"role": "system", "content": "S"}, {"role": "user", "content": "context"},
            {"role": "user", "content": "{braces} stay"})  # fmt: skip
    return policy_prompt(Task("t", said, domain=domain), CATALOG, Limits(max_calls=7), **options)


@pytest.mark.parametrize("domain", ["math", "qa", "code"])
def test_the_example_of_the_prompt_is_a_valid_workflow(domain):
    system, _ = prompt(domain)
    assert check(system["content"], CATALOG, Setting(domain)).findings == ()


def test_the_last_message_is_all_that_the_user_says():
    _, problem = prompt("math")
    assert problem == {"role": "user", "content": "context\n\n{braces} stay"}
    assert problem_of(Task("t", ())) == ""


def test_limits_and_operators_of_the_domain_are_named():
    system, _ = prompt("math")
    assert "7 at most" in system["content"] and "Format(" in system["content"]
    assert "CustomCodeGenerate" not in system["content"]
    assert "Test(" not in prompt("code")[0]["content"]
    assert "Test(" in prompt("code", has_tests=True)[0]["content"]


def test_names_alone_are_short():
    system, _ = prompt("qa", listing="names")
    assert system["content"].split() == [
        name for name, one in CATALOG.operators.items() if "qa" in one.domains
    ]
