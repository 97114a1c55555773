"""The code blocks of a documentation page, as modules."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parents[1] / "docs"


def modules(page: str, folder: Path) -> list[ModuleType]:
    """Each Python block of ``docs/<page>``, written to ``folder`` and imported."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    found = []
    for number, block in enumerate(blocks):
        name = f"{page.removesuffix('.md').replace('-', '_')}_{number}"
        path = folder / f"{name}.py"
        path.write_text(block)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        found.append(module)
    return found
