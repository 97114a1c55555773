"""`guerdon workflow`: check, run, draw, replay and compare workflows, in either surface."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from guerdon.types import Models
    from guerdon.workflow import Catalog, Program, Run
    from guerdon.workflow.operators import CodeRunner
    from guerdon.workflow.repair import Repaired

workflow = typer.Typer(
    help="Agent workflows: check, run, draw, replay, compare.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Form(StrEnum):
    """How to draw a workflow or write it down."""

    mermaid = "mermaid"
    dot = "dot"
    html = "html"
    python = "python"
    dsl = "dsl"


File = Annotated[
    Path, typer.Argument(help="A workflow: Python or compact form; or a model's reply.")
]
Domain = Annotated[str, typer.Option("--domain", help="What it is for: math, qa, code.")]
Operators = Annotated[
    list[Path] | None, typer.Option("--operators", help="A YAML file of further operators.")
]
HasTests = Annotated[bool, typer.Option("--public-tests", help="The task has public tests.")]
Mend = Annotated[bool, typer.Option("--repair", help="Mend what can be mended first.")]


@workflow.command()
def validate(
    file: File,
    domain: Domain = "math",
    operators: Operators = None,
    has_tests: HasTests = False,
    mend: Mend = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say all that is wrong with a workflow; exit code 2 if it is invalid."""
    found = _check(file, domain, operators, has_tests, mend)
    checked = found.checked
    if as_json:
        findings = [
            {"code": one.code, "line": one.line, "message": one.message, "hint": one.hint}
            for one in checked.findings
        ]
        fixes = [{"label": fix.label, "code": fix.code, "line": fix.line} for fix in found.fixes]
        typer.echo(json.dumps({"valid": checked.is_valid, "max_calls": checked.max_calls,
                               "findings": findings, "fixes": fixes}))  # fmt: skip
    else:
        for line in [*(f"mended: {fix}" for fix in found.fixes), *map(str, checked.findings)]:
            typer.echo(line)
        if checked.is_valid:
            typer.echo(f"valid: at most {checked.max_calls} model calls")
    if not checked.is_valid:
        raise typer.Exit(2)


@workflow.command()
def run(
    file: File,
    models: Annotated[
        Path, typer.Option("--models", help="YAML: executor: {engine: {_target_: ...}}; sandbox.")
    ],
    problem: Annotated[
        str | None, typer.Option("--problem", help="The problem; or a task's file.")
    ] = None,
    task: Annotated[
        Path | None,
        typer.Option("--task", help="JSON: problem, entry_point, tests (public ones)."),
    ] = None,
    domain: Domain = "math",
    operators: Operators = None,
    mend: Mend = False,
    trace: Annotated[Path | None, typer.Option("--trace", help="Write what it did here.")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout-s", help="For all of it.")] = 180.0,
) -> None:
    """Run a workflow on a problem and print its answer; exit code 1 if it has none."""
    import asyncio

    from guerdon.engines.closing import then_close
    from guerdon.errors import ConfigError
    from guerdon.workflow import Limits
    from guerdon.workflow.interpret import run as run_program
    from guerdon.workflow.meter import ledger_meter

    inputs = _inputs(problem, task)
    found = _check(file, domain, operators, bool(inputs.tests), mend)
    if not found.checked.is_valid or found.checked.program is None:
        errors = [str(one) for one in found.checked.findings if one.is_error]
        raise ConfigError([f"{file}: {line}" for line in errors])
    by_name, sandbox = _models(models)
    work = run_program(
        found.checked.program,
        _catalog(operators),
        inputs,
        by_name,
        limits=Limits(timeout_s=timeout_s),
        sandbox=sandbox,
        meter=ledger_meter,
    )
    done = asyncio.run(then_close(work, by_name))
    if trace is not None:
        trace.write_text(done.dump(), encoding="utf-8")
    _report(done)


@workflow.command()
def render(
    file: Annotated[Path, typer.Argument(help="A workflow, or the trace of a run.")],
    form: Annotated[Form, typer.Option("--format", "-f", help="What to write.")] = Form.mermaid,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Default: stdout.")] = None,
    operators: Operators = None,
) -> None:
    """Draw a workflow, or a run of one with status, cost and latency at each step."""
    from guerdon.workflow.dsl import to_dsl
    from guerdon.workflow.printing import to_python
    from guerdon.workflow.render import to_dot, to_html, to_mermaid

    catalog = _catalog(operators)
    program, done = _program_or_run(file, catalog)
    text = {
        Form.mermaid: lambda: to_mermaid(program, done),
        Form.dot: lambda: to_dot(program, done),
        Form.html: lambda: to_html(program, catalog, done),
        Form.python: lambda: to_python(program, catalog),
        Form.dsl: lambda: to_dsl(program, catalog),
    }[form]()
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


@workflow.command()
def replay(
    trace: Annotated[
        Path, typer.Argument(help="What `workflow run --trace` or a training run wrote.")
    ],
    operators: Operators = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Of a training run; default: config.yaml above the trace."),
    ] = None,
) -> None:
    """Run a trace again without any server, and score it again where it is a training run's; exit
    code 1 if anything comes out differently."""
    import asyncio

    from guerdon.envs.workflow.record import is_record
    from guerdon.workflow import load_run
    from guerdon.workflow.replay import differences
    from guerdon.workflow.replay import replay as run_again

    if is_record(_read(trace)):
        _replay_record(trace, config)
        return
    recorded = load_run(trace)
    again = asyncio.run(run_again(recorded, _catalog(operators)))
    found = differences(recorded, again)
    for line in found:
        typer.echo(line)
    if found:
        raise typer.Exit(1)
    typer.echo(f"the same: {again.status}, {len(again.calls)} calls")


@workflow.command()
def diff(
    left: Annotated[Path, typer.Argument(help="A workflow or a trace.")],
    right: Annotated[Path, typer.Argument(help="Another one.")],
    operators: Operators = None,
) -> None:
    """Say how two workflows differ; exit code 1 if they do."""
    from guerdon.workflow.render import to_diff

    catalog = _catalog(operators)
    text = to_diff(_program_or_run(left, catalog)[0], _program_or_run(right, catalog)[0])
    typer.echo(text or "the same workflow\n", nl=False)
    if text:
        raise typer.Exit(1)


def _replay_record(trace: Path, config: Path | None) -> None:
    """Run and score a rollout of a training run again."""
    import asyncio

    from guerdon.config.build import build
    from guerdon.config.compose import compose
    from guerdon.envs.workflow import record
    from guerdon.envs.workflow.env import Workflow
    from guerdon.errors import ConfigError
    from guerdon.workflow.replay import differences

    kept = record.load(trace)
    above = [folder / "config.yaml" for folder in trace.absolute().parents]
    file = config or next((file for file in above if file.is_file()), None)
    if file is None:
        raise ConfigError(f"{trace}: no config.yaml lies above it; give --config FILE")
    env = build(compose(file)["env"], "env")
    if not isinstance(env, Workflow):
        raise ConfigError(f"{file}: env is {type(env).__name__}, not a Workflow")
    again, reward = asyncio.run(env.replay(kept, {}))
    found = [] if kept.run is None or again is None else differences(kept.run, again)
    if reward != kept.reward:
        found.append(f"reward: {kept.reward} was recorded, now {reward}")
    for line in found:
        typer.echo(line)
    if found:
        raise typer.Exit(1)
    status = "invalid" if again is None else f"{again.status}, {len(again.calls)} calls"
    typer.echo(f"the same: {status}, reward {reward.value:g}")


# --- reading what was given ----------------------------------------------------------------------


def _catalog(operators: list[Path] | None) -> Catalog:
    from guerdon.workflow import load_catalog

    return load_catalog(*(operators or ()))


def _read(file: Path) -> str:
    from guerdon.errors import ConfigError

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {str(file)!r}: {error}") from None


def _check(
    file: Path, domain: str, operators: list[Path] | None, has_tests: bool, mend: bool
) -> Repaired:
    from guerdon.workflow import Task, check
    from guerdon.workflow.repair import Repaired, repair

    catalog, task = _catalog(operators), Task(domain, has_tests)
    catalog.parameters(domain)
    text = _read(file)
    return repair(text, catalog, task) if mend else Repaired(check(text, catalog, task))


def _inputs(problem: str | None, task: Path | None) -> Any:
    from guerdon.errors import ConfigError
    from guerdon.workflow import Inputs

    if (problem is None) == (task is None):
        raise ConfigError("give either --problem TEXT or --task FILE")
    if task is None:
        return Inputs(problem or "")
    try:
        given = json.loads(_read(task))
        tests = given.get("tests", [])
        return Inputs(given["problem"], given.get("entry_point", ""), tuple(tests))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{task}: expected JSON with problem, entry_point and tests ({error})"
        ) from None


def _models(file: Path) -> tuple[Models, CodeRunner | None]:
    """Models by name, and the sandbox, of a YAML file."""
    import yaml

    from guerdon.config.build import build, parse
    from guerdon.errors import ConfigError
    from guerdon.types import Model, Sampling

    try:
        given = yaml.safe_load(_read(file))
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(given, dict):
        raise ConfigError(f"{file}: expected a mapping of models")
    sandbox = given.pop("sandbox", None)
    models = {}
    for name, entry in given.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("engine"), dict):
            raise ConfigError(f"{file}: {name}.engine: expected a mapping with _target_")
        engine = build(entry["engine"], f"{name}.engine")
        sampling = parse(entry.get("sampling", {}), Sampling, f"{name}.sampling")
        models[name] = Model(engine, sampling)
    return models, None if sandbox is None else _runner(build(sandbox, "sandbox"))


def _runner(sandbox: Any) -> CodeRunner:
    """Where operators run code: a sandbox, or whatever has ``run_code``."""
    from guerdon.errors import ConfigError
    from guerdon.sandbox import Sandbox
    from guerdon.workflow.code import SandboxedCode
    from guerdon.workflow.operators import CodeRunner

    if isinstance(sandbox, Sandbox):
        return SandboxedCode(sandbox)
    if isinstance(sandbox, CodeRunner):
        return sandbox
    raise ConfigError(
        f"sandbox: {type(sandbox).__name__} runs no code; use guerdon.sandbox.Sandbox"
    )


def _program_or_run(file: Path, catalog: Catalog) -> tuple[Program, Run | None]:
    """What a file holds: a trace with its program, or a program."""
    from guerdon.errors import ConfigError
    from guerdon.workflow import load_run, parse_dsl
    from guerdon.workflow.parse import extract
    from guerdon.workflow.validate import read

    text = _read(file)
    done = load_run(file) if text.lstrip().startswith("{") else None
    draft = read(extract(text), catalog) if done is None else parse_dsl(done.program, catalog)
    if draft.program is None:
        raise ConfigError([f"{file}: {finding}" for finding in draft.findings])
    return draft.program, done


def _report(done: Run) -> None:
    """Print the answer, or why there is none."""
    from guerdon.workflow.graph import facts

    typer.echo(done.error if done.answer is None else done.answer)
    typer.echo(f"{done.status}: {facts(done.nodes)}, {done.seconds:.2f} s in all", err=True)
    if done.answer is None:
        raise typer.Exit(1)
