"""Every setting does something."""

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import guerdon
from guerdon.config import schema
from guerdon.types import Sampling

SRC = Path(guerdon.__file__).parent
SECTIONS = [
    value for value in vars(schema).values() if isinstance(value, type) and is_dataclass(value)
]
SETTINGS = [(section, field.name) for section in SECTIONS for field in fields(section)]


@pytest.fixture(scope="module")
def names_read():
    """Every attribute name that some code reads."""
    found = set()
    for file in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.add(node.attr)
    return found


def test_the_sections_were_found():
    assert {schema.Config, schema.Trainer, schema.Learner, Sampling} <= set(SECTIONS)


@pytest.mark.parametrize(("section", "name"), SETTINGS, ids=lambda x: getattr(x, "__name__", x))
def test_a_setting_is_read_by_some_code(section, name, names_read):
    assert name in names_read
