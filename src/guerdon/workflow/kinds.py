"""Types of the workflow language, and which value fits where.

Text, Code, Bool, Number, lists of them, and the record an operator returns. Code fits where Text
is wanted. There is no truth value of a text, so that a review that says "false" is never true.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a value; ``fields`` are those of an operator's result."""

    name: str
    item: Kind | None = None
    fields: tuple[tuple[str, Kind], ...] = ()

    def __str__(self) -> str:
        return f"List[{self.item}]" if self.item is not None else self.name

    def field(self, name: str) -> Kind | None:
        """The type of a field, if there is one of this name."""
        return dict(self.fields).get(name)


TEXT, CODE, BOOL, NUMBER = Kind("Text"), Kind("Code"), Kind("Bool"), Kind("Number")
UNKNOWN = Kind("Unknown")
"""Of a value something is wrong with already, and of the items of an empty list."""

NAMED = {kind.name: kind for kind in (TEXT, CODE, BOOL, NUMBER)}


def list_of(item: Kind) -> Kind:
    """The type of a list."""
    return Kind("List", item)


def read_kind(text: str) -> Kind:
    """The type that ``Text`` or ``List[Text]`` names.

    Raises:
        ValueError: it names none.
    """
    text = text.strip()
    if text.startswith("List[") and text.endswith("]"):
        return list_of(read_kind(text[5:-1]))
    if text not in NAMED:
        raise ValueError(f"unknown type {text!r}; there are: {', '.join(NAMED)}, List[...]")
    return NAMED[text]


def fits(kind: Kind, wanted: Kind) -> bool:
    """Whether a value of one type may stand where another is wanted."""
    if UNKNOWN in (kind, wanted) or kind == wanted or (kind, wanted) == (CODE, TEXT):
        return True
    return kind.item is not None and wanted.item is not None and fits(kind.item, wanted.item)


def is_a(value: object, kind: Kind) -> bool:
    """Whether a value is of a type that has a name."""
    if kind.item is not None:
        return isinstance(value, list) and all(is_a(one, kind.item) for one in value)
    if kind == BOOL:
        return isinstance(value, bool)
    if kind == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def common(left: Kind, right: Kind) -> Kind | None:
    """The narrowest type both fit; None: there is none."""
    if fits(left, right):
        return right if left != UNKNOWN and right != UNKNOWN else _known(left, right)
    if fits(right, left):
        return left
    if left.item is not None and right.item is not None:
        item = common(left.item, right.item)
        return None if item is None else list_of(item)
    return None


def _known(left: Kind, right: Kind) -> Kind:
    return right if left == UNKNOWN else left
