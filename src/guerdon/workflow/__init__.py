"""Agent workflows as a language: read, checked, mended, run and drawn, never executed as Python.

    catalog = shipped_catalog()
    checked = check(reply, catalog, Task("math"))
    if checked.is_valid:
        done = await run(checked.program, catalog, Inputs(problem), models)

Besides: `repair.repair` and `replay.replay`. The package knows neither rewards nor training;
``docs/workflows.md`` describes the language.
"""

from guerdon.workflow.catalog import Catalog, load_catalog, shipped_catalog
from guerdon.workflow.dsl import parse_dsl, to_dsl
from guerdon.workflow.findings import Finding
from guerdon.workflow.interpret import run
from guerdon.workflow.ir import Program
from guerdon.workflow.limits import Limits
from guerdon.workflow.parse import parse_python
from guerdon.workflow.printing import to_python
from guerdon.workflow.trace import CodeResult, Inputs, Run, Usage, load_run
from guerdon.workflow.validate import Checked, Task, check

__all__ = [
    "Catalog",
    "Checked",
    "CodeResult",
    "Finding",
    "Inputs",
    "Limits",
    "Program",
    "Run",
    "Task",
    "Usage",
    "check",
    "load_catalog",
    "load_run",
    "parse_dsl",
    "parse_python",
    "run",
    "shipped_catalog",
    "to_dsl",
    "to_python",
]
