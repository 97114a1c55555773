"""The house rules that a machine can check: layers (import-linter's contracts in pyproject.toml),
light imports, file lengths, and that no setting is there for nothing."""

import ast
import dataclasses
import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import guerdon
from guerdon.config import schema

SRC = Path(guerdon.__file__).parent
ROOT = SRC.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC.parent)}


def test_imports_point_down():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["guerdon", "guerdon.types", "guerdon.config", "guerdon.cli"])
def test_light_modules_do_not_import_torch(module):
    script = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT).returncode == 0


def test_no_file_is_longer_than_400_lines():
    files = [*SRC.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    lengths = {file.relative_to(ROOT): len(file.read_text().splitlines()) for file in files}
    assert {file: length for file, length in lengths.items() if length > 400} == {}


def test_no_file_is_named_for_nothing():
    names = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py", "manager.py"}
    assert [file for file in SRC.rglob("*.py") if file.name in names] == []


def test_every_setting_is_read_by_some_code():
    read = set()
    for file in SRC.rglob("*.py"):
        if file.parent.name != "config":  # a setting that is only checked does nothing
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    read.add(node.attr)
    settings = [
        (name, field.name)
        for name, section in inspect.getmembers(schema, dataclasses.is_dataclass)
        if section.__module__ == schema.__name__
        for field in dataclasses.fields(section)
    ]
    aliases = {"azr", "reward_fn"}  # other names of other settings, resolved by config/azr.py
    unread = [f"{name}.{field}" for name, field in settings if field not in read | aliases]
    assert unread == []


def test_public_names_exist_and_the_version_is_the_packages():
    assert [name for name in guerdon.__all__ if getattr(guerdon, name, None) is None] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert guerdon.__version__ == project["version"]


def test_every_shipped_yaml_opens_with_hardware_command_and_result():
    for file in (SRC / "conf").rglob("*.yaml"):
        comment = file.read_text().split("\n_target_")[0].split("\ndefaults")[0]
        words = ["# Hardware:", "# Command:", "# Expected:"]
        assert [word for word in words if word not in comment] == [], file
