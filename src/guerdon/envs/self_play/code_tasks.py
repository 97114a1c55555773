"""CodeTasks: what self-play about programs starts from."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from guerdon.envs.self_play.azr_seeds import Checked, Finding, check_entries, read_entries
from guerdon.envs.self_play.problems import KINDS, Kind, Problem, to_task
from guerdon.envs.self_play.programs import Workshop
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, LoadReport, TaskSets
from guerdon.types import Task, derive_seed

IDENTITY = "def f(a):\n    return a"
_SAMPLES = ("'Hello world'", "1", "{'a': 1, 'b': 2}", "(1.1, 1.2, 1.3)", "[[1, 0], [0, 1]]", "''")


def invitation(kind: Kind, domains: Sequence[str], num_references: int) -> Task:
    """The task to invent a problem; the pool adds references of ``domains`` when it deals it."""
    wants = {"domains": list(domains), "num": num_references}
    return Task(
        id=f"propose/{kind}",
        prompt=(),
        domain=f"propose_{kind}",
        info={"propose": kind, "wants_references": wants},
    )


def domain_shares(kinds: Sequence[Kind], propose: float, solve: float) -> dict[str, float]:
    """How often invitations and problems are dealt, for each domain."""
    return {f"propose_{kind}": propose for kind in kinds} | dict.fromkeys(kinds, solve)


@dataclass(frozen=True, kw_only=True)
class CodeTasks:
    """One invitation to propose for each kind, and seed problems: the identity, or files.

    Args:
        kinds: which problems are proposed and solved.
        paths: seed files in Absolute Zero's schemas; every program in them is run again, and only
            lines that hold are kept. None: the identity function alone.
        workshop: runs the programs of ``paths``.
        num_references: problems that a proposer is shown, drawn from all in the pool; code_f is
            shown one, whose program it takes.
        propose_share: how often a task is an invitation to propose, in proportion to
            ``solve_share``; either counts for all kinds together.
        solve_share: how often it is a problem from the pool; 0: proposals are solved only when they
            are made.
        num_held_out: problems of ``paths`` that are never trained on, chosen by content, as many of
            each kind as there are.
        eval_paths: held-out problems in the same schemas.
        max_seeds: of ``paths``, the first ones of each file; None: all.
    """

    kinds: Sequence[Kind] = ("code_i", "code_o", "code_f")
    paths: Sequence[str] = ()
    workshop: Workshop | None = None
    num_references: int = 6
    propose_share: float = 1.0
    solve_share: float = 1.0
    num_held_out: int = 0
    eval_paths: Sequence[str] = ()
    max_seeds: int | None = None

    def __post_init__(self) -> None:
        problems = []
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            problems.append(
                f"kinds is {list(self.kinds)}; give some of {', '.join(KINDS)}, each once"
            )
        if (self.paths or self.eval_paths) and self.workshop is None:
            problems.append("paths and eval_paths need a workshop: their programs are run again")
        if self.num_held_out and not self.paths:
            problems.append("num_held_out needs paths to hold problems out of")
        if not self.propose_share > 0:
            problems.append(f"propose_share is {self.propose_share}; it must be above 0")
        if not self.solve_share >= 0:
            problems.append(f"solve_share is {self.solve_share}; it must be at least 0")
        if problems:
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """What is wrong with the files, found without running a program."""
        found = []
        for path in (*self.paths, *self.eval_paths):
            try:
                read_entries(Path(path))
            except ConfigError as error:
                found += error.problems
        return found

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Read the files, run their programs, make the tasks; works inside an event loop, too.

        Raises:
            ConfigError: a file cannot be read, or nothing in it holds.
        """
        seeds = [_identity(kind) for kind in self.kinds]
        checked, evaluated = self._run(self.paths), self._run(self.eval_paths)
        read = [task for each in checked for task in self._tasks(each)]
        train, held_out = self._split(read)
        held_out += [task for each in evaluated for task in self._tasks(each)]
        taken = {task.id for task in held_out}
        train = [task for task in train if task.id not in taken]
        invitations = [self._invitation(kind) for kind in self.kinds]
        shares = domain_shares(self.kinds, self.propose_share, self.solve_share)
        tasks = {task.id: task for task in (*invitations, *seeds, *train)}
        report = self._report(checked, evaluated, len(tasks), len(held_out)) if self.paths else None
        return TaskSets(tuple(tasks.values()), tuple(held_out), report, shares)

    def _run(self, paths: Sequence[str]) -> list[Checked]:
        if not paths:
            return []
        entries = [e for path in paths for e in read_entries(Path(path))[: self.max_seeds]]
        assert self.workshop is not None
        with ThreadPoolExecutor(1) as thread:
            work = thread.submit(asyncio.run, check_entries(entries, self.workshop))
            checked = work.result()
        self.workshop.sandbox.close()
        if not any(each.problem for each in checked):
            raise ConfigError(f"no problem in {', '.join(paths)} holds; first: {checked[0].why}")
        return checked

    def _tasks(self, checked: Checked) -> list[Task]:
        """The tasks of one line: a line of one input makes one for each kind that needs no more."""
        if checked.problem is None:
            return []
        return [to_task(each) for each in as_kinds(checked.problem) if each.kind in self.kinds]

    def _split(self, tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
        """Hold out whole programs: none is trained on in one kind and held out in another."""
        programs = dict.fromkeys(str(task.info["program"]) for task in tasks)
        order = sorted(programs, key=lambda program: derive_seed("held out", program))
        held: list[Task] = []
        for program in order:
            if len(held) >= self.num_held_out:
                break
            held += [task for task in tasks if task.info["program"] == program]
        taken = {task.id for task in held}
        return [task for task in tasks if task.id not in taken], held

    def _invitation(self, kind: Kind) -> Task:
        domains = [kind]
        if kind == "code_f":  # any program will do
            domains = [other for other in self.kinds if other in ("code_i", "code_o")] or domains
        return invitation(kind, domains, 1 if kind == "code_f" else self.num_references)

    def _report(
        self, checked: Sequence[Checked], evaluated: Sequence[Checked], num: int, num_held_out: int
    ) -> LoadReport:
        counts = Counter(each.finding for each in (*checked, *evaluated))
        source = ", ".join(Path(path).name for path in (*self.paths, *self.eval_paths))
        notes = {finding.value: counts[finding] for finding in Finding}
        return LoadReport(source, len(checked) + len(evaluated), num, num_held_out, notes)


def as_kinds(problem: Problem) -> list[Problem]:
    """The problems that a line of a seed file makes."""
    if problem.kind != "code_o":
        return [problem]
    return [problem, replace(problem, kind="code_i")]


def _identity(kind: Kind) -> Task:
    if kind == "code_f":
        return to_task(Problem(kind, IDENTITY, _SAMPLES, _SAMPLES, "It gives back what it gets."))
    output = "NoError" if kind == "code_e" else _SAMPLES[0]
    return to_task(Problem(kind, IDENTITY, _SAMPLES[:1], (output,)))
