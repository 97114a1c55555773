from dataclasses import dataclass, field

from guerdon.config.fields import Field, Problem, did_you_mean, join, placeholders, validate


@dataclass(frozen=True)
class Inner:
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True)
class Outer:
    inner: Inner
    names: dict[str, Inner] = field(default_factory=dict)


def lines(values, **annotations):
    _, problems = validate(values, {name: Field(kind) for name, kind in annotations.items()})
    return [problem.line("at") for problem in problems]


def test_values_become_what_the_annotations_say():
    values = {"outer": {"inner": {"lr": "1e-3", "betas": [0, 1]}}}
    found, problems = validate(values, {"outer": Field(Outer)})
    assert problems == []
    assert found["outer"] == Outer(Inner(1e-3, (0.0, 1.0)))


def test_an_optional_field_may_be_absent_and_a_required_one_may_not():
    assert validate({}, {"x": Field(int, required=False)}) == ({}, [])
    assert lines({}, x=int) == ["at.x is required: give it as at.x=VALUE or in the YAML"]


def test_an_unknown_key_is_named_at_any_depth():
    values = {"outer": {"inner": {"lrr": 1.0, "lr": 1.0}}}
    assert lines(values, outer=Outer) == ["at.outer.inner.lrr: unknown field; did you mean 'lr'?"]
    values = {"outer": {"inner": {"lr": 1.0}, "names": {"a": {"lr": 1.0, "beta": 2}}}}
    assert lines(values, outer=Outer) == [
        "at.outer.names.a.beta: unknown field; did you mean 'betas'?"
    ]


def test_a_union_is_one_line_with_all_its_members():
    assert lines({"x": "many"}, x=int | bool) == ["at.x: expected int or bool, got 'many'"]


@dataclass(frozen=True)
class Line:
    start: float
    end: float
    steps: int

    def __post_init__(self):
        if self.steps < 1:
            raise ValueError("steps must be at least 1")


@dataclass(frozen=True)
class Aim:
    start: float
    target: float
    gain: float = 0.1


def test_of_a_union_only_the_member_a_mapping_was_meant_for_complains():
    kind = float | Line | Aim

    def said(**value):
        return lines({"coef": value}, coef=kind)

    assert said(start=0.1, end=0.0, steps="many") == ["at.coef.steps: expected int, got 'many'"]
    assert said(start=0.1, target="x") == ["at.coef.target: expected float, got 'x'"]
    assert said(start=0.1, target=0.2, gane=1) == [
        "at.coef.gane: unknown field; did you mean 'gain'?"
    ]
    assert said(start=0.1, end=0.0, step=5) == [
        "at.coef.steps is required: give it as at.coef.steps=VALUE or in the YAML",
        "at.coef.step: unknown field; did you mean 'steps'?",
    ]
    assert said(start=0.1, end=0.0, steps=0) == ["at.coef: steps must be at least 1"]
    assert lines({"coef": "abc"}, coef=kind) == ["at.coef: expected float or mapping, got 'abc'"]
    assert lines({"coef": [{"start": 1, "target": None}]}, coef=list[kind] | kind) == [
        "at.coef.0.target: expected float, got null"
    ]


def test_a_list_of_another_length_is_said_so():
    assert lines({"inner": {"lr": 1, "betas": [0.9]}}, inner=Inner) == [
        "at.inner.betas: expected list of 2, got [0.9]"
    ]
    assert lines({"x": []}, x=tuple[int, int] | None) == ["at.x: expected list of 2, got []"]


def test_a_fraction_where_a_whole_number_is_due_is_said_so():
    assert lines({"x": 2.5}, x=int) == ["at.x: expected a whole number, got 2.5"]


def test_a_long_value_is_shortened_in_the_message():
    (line,) = lines({"x": "y" * 200}, x=int)
    assert len(line) < 100
    assert line.endswith("...")


def test_placeholders_are_found_in_mappings_and_lists():
    found = placeholders({"a": "???", "b": [1, {"c": "???"}], "d": "??"})
    assert found == [Problem(("a",), None), Problem(("b", 1, "c"), None)]


def test_a_name_that_is_close_is_offered_and_otherwise_all_there_are():
    assert did_you_mean("stpes", ["steps", "seed"]) == "; did you mean 'steps'?"
    assert did_you_mean("zzz", ["steps", "seed"]) == "; there are: seed, steps"
    assert did_you_mean("zzz", []) == ""


def test_paths_are_joined_as_overrides_write_them():
    assert join("", "a", 0, "b") == "a.0.b"
    assert join("env", "reward") == "env.reward"
