"""What may pass between a program and us."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.sandbox import values

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
)
KEYS = st.recursive(
    SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=3
)
PLAIN = st.recursive(
    SCALARS | st.sets(KEYS),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(KEYS, inner),
    max_leaves=8,
)


def types_of(value: object) -> object:
    """The shape of a value, with the type of each part."""
    if isinstance(value, (list, tuple)):
        return type(value), [types_of(item) for item in value]
    return type(value)


@settings(max_examples=50)
@given(PLAIN)
def test_a_plain_value_comes_back_equal_and_of_the_same_types(value: object) -> None:
    back = values.decode(values.loads(values.dumps(values.encode(value))))
    assert back == value and types_of(back) == types_of(value)


@settings(max_examples=50)
@given(PLAIN, PLAIN)
def test_equal_canonical_texts_mean_equal_values(one: object, two: object) -> None:
    if values.canonical(one) == values.canonical(two):
        assert one == two


def test_the_canonical_text_ignores_order_of_sets_and_dicts_and_tells_types_apart() -> None:
    assert values.canonical({1: "a", 2: {3, 4}}) == values.canonical({2: {4, 3}, 1: "a"})
    texts = {values.canonical(x) for x in (1, 1.0, True, "1", [1], (1,), {1}, frozenset({1}))}
    assert len(texts) == 8


def test_numbers_that_json_has_not_are_kept() -> None:
    back = values.decode(values.encode([math.inf, -math.inf, math.nan]))
    assert back[:2] == [math.inf, -math.inf] and math.isnan(back[2])


def test_the_order_of_a_dict_is_kept() -> None:
    assert list(values.decode(values.encode({"b": 1, "a": 2}))) == ["b", "a"]


class Yes(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize("value", [Yes(1), object(), iter(()), print, [Yes(1)], {Yes(1): 2}, type])
def test_an_object_of_another_class_is_not_plain(value: object) -> None:
    with pytest.raises(values.NotPlain):
        values.encode(value)


def test_values_that_are_too_large_to_write_are_told_apart_from_those_that_are_not_plain() -> None:
    deep: list[object] = []
    deep.append(deep)
    wide: list[object] = [0]
    for _ in range(40):
        wide = [wide, wide]
    for value in (deep, wide, 10**5000):
        with pytest.raises(values.TooLarge):
            values.canonical(value)


@pytest.mark.parametrize(
    "encoded",
    [{"object": 1}, {"tuple": 1}, {"set": [[1]]}, {"dict": [[1]]}, {"bytes": "zz"}, {},
     {"a": 1, "b": 2}, {"complex": [1]}, {"float": "1.0"}, {"dict": [[{"dict": []}, 1]]}],
)  # fmt: skip
def test_an_encoding_that_is_not_ours_is_refused(encoded: object) -> None:
    with pytest.raises(values.NotPlain):
        values.decode(encoded)


def test_members_that_could_be_made_to_collide_are_limited() -> None:
    keys = [i * (2**61 - 1) for i in range(values.MAX_HASHED + 1)]
    with pytest.raises(values.TooLarge):
        values.decode({"set": keys})


@pytest.mark.parametrize("text", [b"[1", b"NaN", b"\xff", b""])
def test_text_that_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(values.NotPlain):
        values.loads(text)


@pytest.mark.parametrize("text", [b"[" * 100_000, b"1" * 5000])
def test_json_beyond_measure_is_too_large(text: bytes) -> None:
    with pytest.raises(values.TooLarge):
        values.loads(text)
