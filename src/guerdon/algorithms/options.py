"""Checks of an algorithm's options: each returns its problems as lines, [] when all is well."""

import math
from dataclasses import fields
from typing import Any, get_args


def check_number(
    owner: Any,
    name: str,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float = math.inf,
) -> list[str]:
    """``owner.name`` is None or a number with ``low`` <= number (or ``above`` < number) <= high."""
    value = getattr(owner, name)
    floor = -math.inf if low is None else low
    inside = value is None or (
        isinstance(value, (int, float))
        and math.isfinite(value)
        and floor <= value <= high
        and (above is None or value > above)
    )
    if inside:
        return []
    bounds = [f"above {above:g}"] if above is not None else [f"at least {floor:g}"]
    bounds += [f"at most {high:g}"] if math.isfinite(high) else []
    return [f"{type(owner).__name__}.{name} is {value!r}: give a number {' and '.join(bounds)}"]


def check_choice(owner: Any, name: str) -> list[str]:
    """``owner.name`` is one of the values its Literal annotation lists."""
    choices = next(get_args(field.type) for field in fields(owner) if field.name == name)
    value = getattr(owner, name)
    if value in choices:
        return []
    listed = ", ".join(str(choice) for choice in choices)
    return [f"{type(owner).__name__}.{name} is {value!r}: give one of {listed}"]
