"""FallibleModel: the words of a model that knows the answers to problems and gets some wrong.

It answers each workflow operator in the words that operator asks for. How often it is wrong, and
whether its mistakes vary, a review sees them or a test finds them, is what ``skills`` says; so it
is decided here, and known, which workflow pays for which problem.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from guerdon.data.rows import last_boxed
from guerdon.errors import ConfigError
from guerdon.llm.asks import Ask
from guerdon.types import Task, derive_seed
from guerdon.workflow import load_catalog, shipped_catalog
from guerdon.workflow.catalog import Operator
from guerdon.workflow.operators import extract_code

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_FORM = "\n\nReply in exactly this form:\n"
_LAST_NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")
_NUM_WRONG = 97
"""Different mistakes that vary."""


@dataclass(frozen=True, kw_only=True)
class Skill:
    """How good the model is at one sort of problem.

    Args:
        right: the chance that an answer is right.
        mistakes: scattered: each try is right or wrong by itself, and wrong in its own way; same:
            a problem it gets wrong it always gets wrong, the same way.
        sees: the chance that it notices a mistake when it is asked to review or to vote.
        mends: the chance that it comes to the right answer once it is told of a mistake.
    """

    right: float = 0.6
    mistakes: Literal["scattered", "same"] = "scattered"
    sees: float = 0.5
    mends: float = 0.8

    def __post_init__(self) -> None:
        for name in ("right", "sees", "mends"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"Skill: {name} is {getattr(self, name)}; it must be in 0..1")


@dataclass(frozen=True, slots=True)
class _Known:
    """A problem, its answer, and another answer for a mistake."""

    text: str
    answer: str
    skill: Skill
    is_code: bool
    is_math: bool = False
    other: str = ""


class FallibleModel:
    """The words of the model: a script for `llm.testing.ScriptedServer`.

    What it says depends on ``seed``, the prompt and the request's seed only.

    Args:
        tasks: what it knows: ``task.answer``, or ``task.info["solution"]``, a program.
        skills: by ``task.info["kind"]``, else ``task.info["dataset"]``, else domain, else
            "default".
        garbled: the share of replies that answer nothing and follow no form.
        operators: YAML files of operators whose prompts it must recognise, besides the shipped.
    """

    def __init__(
        self,
        tasks: list[Task],
        skills: Mapping[str, Skill],
        *,
        garbled: float = 0.0,
        seed: int = 0,
        operators: tuple[str, ...] = (),
    ) -> None:
        self.garbled, self.seed = garbled, seed
        catalog = load_catalog(*operators) if operators else shipped_catalog()
        prompts = [(one, _as_pattern(one.prompt)) for one in catalog.operators.values()]
        # the most words first: Custom's prompt is whatever it is given, and fits everything
        self._prompts = sorted(prompts, key=lambda pair: -len(_PLACEHOLDER.sub("", pair[0].prompt)))
        known = [one for task in tasks if (one := _known(task, skills)) is not None]
        self._known = _with_others(known)
        self._by_line: defaultdict[str, list[_Known]] = defaultdict(list)
        for one in self._known:
            self._by_line[one.text.splitlines()[-1].strip()].append(one)

    def __call__(self, ask: Ask) -> str:
        """The reply to a request."""
        said = ask.messages[0]["content"] if ask.messages else ask.text
        prompt, _, form = said.partition(_FORM)
        chance = _Chance(self.seed, said, ask.body.get("seed", 0), len(ask.messages))
        if chance("garbled") < self.garbled:
            return "I cannot say."
        known = self._find(prompt)
        if known is None:
            return _in_form(form, "I do not know.", False)
        operator, values = self._recognise(prompt)
        return _REPLIES.get(operator.name, _answer)(known, values, form, chance)

    def _recognise(self, prompt: str) -> tuple[Operator, dict[str, str]]:
        """Whose prompt it is, and what stands in its places."""
        for operator, pattern in self._prompts:
            if match := pattern.fullmatch(prompt):
                return operator, match.groupdict()
        raise AssertionError("Custom's prompt fits everything")

    def _find(self, prompt: str) -> _Known | None:
        """The problem that a prompt is about: the one with a line in it, or anywhere in it."""
        lines = {line.strip() for line in prompt.splitlines()} & self._by_line.keys()
        likely = [one for line in lines for one in self._by_line[line] if one.text in prompt]
        held = likely or [one for one in self._known if one.text in prompt]
        return max(held, key=lambda one: len(one.text), default=None)


@dataclass(frozen=True, slots=True)
class _Chance:
    """Random numbers in [0, 1) of one request, by purpose."""

    seed: int
    prompt: str
    sample: int
    turn: int

    def __call__(self, purpose: str) -> float:
        return _unit(self.seed, self.prompt, self.sample, self.turn, purpose)

    def fixed(self, purpose: str, text: str) -> float:
        """The same for every request about a text."""
        return _unit(self.seed, text, purpose)


def _unit(*key: object) -> float:
    return derive_seed("fallible", *key) / 2**63


# --- what it says to whom ------------------------------------------------------------------------


def _answer(known: _Known, values: Mapping[str, str], form: str, chance: _Chance) -> str:
    """An answer of its own, in the form asked for."""
    answer = _try(known, chance)
    return _in_form(form, answer, True) if form else _shown(known, answer)


def _compute(known: _Known, values: Mapping[str, str], form: str, chance: _Chance) -> str:
    """A program that gives its answer: as fallible as the answer."""
    return f"```python\ndef solve():\n    return {_try(known, chance)!r}\n```"


def _choose(known: _Known, values: Mapping[str, str], form: str, chance: _Chance) -> str:
    """The letter of the candidate that most others agree with."""
    candidates = _candidates(values["candidates"])
    letters = {letter: num for letter, _, num in candidates}
    best = max(letters, key=lambda letter: letters[letter])
    return _in_form(form, best, True)


def _vote(known: _Known, values: Mapping[str, str], form: str, chance: _Chance) -> str:
    """The letter of a right candidate if it sees one, otherwise any."""
    candidates = _candidates(values["candidates"])
    right = [letter for letter, text, _ in candidates if _is_right(known, text)]
    pool = right if chance("sees") < known.skill.sees else []
    pool = pool or [letter for letter, _, _ in candidates]
    return _in_form(form, pool[int(chance("which") * len(pool))], True)


def _review(known: _Known, values: Mapping[str, str], form: str, chance: _Chance) -> str:
    """False for a mistake that it sees; it never takes a right answer for one."""
    is_right = _is_right(known, values["solution"])
    verdict = is_right or chance("sees") >= known.skill.sees
    return _in_form(form, "It is right." if verdict else "The answer is wrong.", verdict)


def _revise(known: _Known, values: Mapping[str, str], form: str, chance: _Chance) -> str:
    """The right answer, perhaps, where it is told of a mistake; otherwise what was there."""
    wrong = "wrong" in values.get("feedback", "") or "failure" in values
    if wrong and chance("mends") < known.skill.mends:
        return _shown(known, known.answer)
    return values["solution"] if not known.is_code else f"```python\n{values['solution']}\n```"


def _reduce(known: _Known, values: Mapping[str, str], form: str, chance: _Chance) -> str:
    """The bare answer of a solution."""
    return _bare(known, values["solution"])


_REPLIES: dict[str, Callable[[_Known, Mapping[str, str], str, _Chance], str]] = {
    "Programmer": _compute,
    "ScEnsemble": _choose,
    "MdEnsemble": _vote,
    "Review": _review,
    "Revise": _revise,
    "Test": _revise,
    "Format": _reduce,
}
"""By operator; the others are answered with an answer."""


def _try(known: _Known, chance: _Chance) -> str:
    """The right answer or a mistake."""
    skill = known.skill
    if skill.mistakes == "same":
        is_right, way = chance.fixed("right", known.text) < skill.right, 0
    else:
        is_right, way = chance("right") < skill.right, int(chance("way") * _NUM_WRONG)
    if is_right:
        return known.answer
    return _broken_code(known.answer, way) if known.is_code else _mistake(known, way)


def _mistake(known: _Known, way: int) -> str:
    """A wrong answer that looks like one: a number near by, or words of another problem."""
    numbers = list(_LAST_NUMBER.finditer(known.answer))
    if not numbers:
        return known.other if way == 0 else f"{known.other} {way}"
    last = numbers[-1]
    off = (way // 2 + 1) * (1 if way % 2 else -1)
    value = float(last[0].replace(",", "").rstrip(".")) + off
    text = str(int(value)) if value == int(value) else repr(round(value, 6))
    return known.answer[: last.start()] + text + known.answer[last.end() :]


def _broken_code(program: str, way: int) -> str:
    """The program with one of its numbers changed, or its last value thrown away."""
    tree = ast.parse(program)
    numbers = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)
               and type(node.value) in (int, float)]  # fmt: skip
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    if numbers:
        changed = numbers[way % len(numbers)]
        changed.value += 1 + way // len(numbers)  # type: ignore[operator]
    elif returns:
        returns[-1].value = ast.Constant(None)
    return ast.unparse(tree)


def _shown(known: _Known, answer: str) -> str:
    """An answer as a model says it."""
    if known.is_code:
        return f"```python\n{answer}\n```"
    if known.is_math:
        return f"The answer is \\boxed{{{answer}}}."
    return answer


def _in_form(form: str, text: str, verdict: bool) -> str:
    """``<name>...</name>`` for each field of the form; just the text where there is none."""
    fields = re.findall(r"<(\w+)>(.*?)</\1>", form)
    said = {"true or false": str(verdict).lower(), "a number": (_numbers(text) or ["0"])[-1]}
    return "\n".join(f"<{name}>{said.get(kind, text)}</{name}>" for name, kind in fields) or text


# --- reading -------------------------------------------------------------------------------------


def _as_pattern(prompt: str) -> re.Pattern[str]:
    """What a prompt looks like once it is filled in."""
    parts = _PLACEHOLDER.split(prompt.strip())
    found, seen = "", set()
    for index, part in enumerate(parts):
        if index % 2 == 0:
            found += re.escape(part)
        else:
            found += f"(?P={part})" if part in seen else f"(?P<{part}>.*?)"
            seen.add(part)
    return re.compile(r"\s*" + found + r"\s*", re.DOTALL)


def _known(task: Task, skills: Mapping[str, Skill]) -> _Known | None:
    """What the model knows of a task; None where nothing is there to know."""
    text = "\n\n".join(m["content"] for m in task.prompt if m["role"] == "user").strip()
    program = task.info.get("solution")
    answer = program if isinstance(program, str) else task.answer
    keys = [task.info.get("kind"), task.info.get("dataset"), task.domain, "default"]
    skill = next((skills[str(key)] for key in keys if key in skills), None)
    if not text or not answer or skill is None:
        return None
    if answer is program and _tree(program) is None:
        return None
    return _Known(text, answer.strip(), skill, isinstance(program, str), task.domain == "math")


def _with_others(known: list[_Known]) -> list[_Known]:
    """Each with the answer of another problem of its sort, for a mistake that looks like one."""
    found = []
    for index, one in enumerate(known):
        after = (known[(index + step) % len(known)] for step in range(1, len(known)))
        alike = (two for two in after if (two.skill, two.is_code) == (one.skill, one.is_code))
        other = next((two.answer for two in alike if two.answer != one.answer), "nothing")
        found.append(replace(one, other=other))
    return found


def _is_right(known: _Known, solution: str) -> bool:
    """Whether a solution comes to the answer."""
    if known.is_code:
        return _tree(extract_code(solution)) == _tree(known.answer)
    return _bare(known, solution).casefold() == _bare(known, known.answer).casefold()


def _tree(program: str) -> str | None:
    """What a program says, however it is laid out; None for what is no program."""
    try:
        return ast.dump(ast.parse(program))
    except (SyntaxError, ValueError):
        return None


def _bare(known: _Known, solution: str) -> str:
    """What a solution comes to: its box, or its last number where the answer is one."""
    boxed = last_boxed(solution)
    if boxed is not None:
        return boxed
    if _LAST_NUMBER.fullmatch(known.answer) and (found := _numbers(solution)):
        return found[-1].replace(",", "").rstrip(".")
    return solution.strip().rstrip(".")


def _numbers(text: str) -> list[str]:
    return _LAST_NUMBER.findall(text)


def _candidates(text: str) -> list[tuple[str, str, int]]:
    """(letter, solution, how often it was given) of an ensemble's question."""
    found = []
    for part in re.split(r"\n\n(?=[A-Z]: )", text):
        letter, _, solution = part.partition(": ")
        times = re.search(r"\n\(given (\d+) times\)$", solution)
        num = int(times[1]) if times else 1
        found.append((letter, solution[: times.start()] if times else solution, num))
    return found
