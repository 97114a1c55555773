import pytest

from guerdon.config.target import default, locate, parameters
from guerdon.errors import ConfigError


def takes_any(first: int, second: str = "two", **rest):
    return first, second, rest


class Parent:
    def __init__(self, size: int = 3):
        self.size = size


class Child(Parent):
    pass


def test_a_dotted_path_leads_to_classes_functions_and_methods():
    from fractions import Fraction

    assert locate("fractions.Fraction") is Fraction
    assert locate("fractions.Fraction.from_float") == Fraction.from_float
    assert locate("os.path.join")("a", "b") == "a/b"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (None, "must be a dotted path"),
        ("a b.C", "must be a dotted path"),
        ("no_such_package.C", "no package 'no_such_package'"),
        ("fractions.Fractoin", "did you mean 'Fraction'"),
        ("math.pi", "not a class or function"),
    ],
)
def test_a_path_that_leads_nowhere_says_why(path, says):
    with pytest.raises(ConfigError, match=says):
        locate(path)


def test_keywords_come_with_their_types_and_whether_they_are_required():
    fields, is_open = parameters(takes_any)
    assert is_open
    assert (fields["first"].annotation, fields["first"].required) == (int, True)
    assert (fields["second"].annotation, fields["second"].required) == (str, False)


def test_a_class_has_the_keywords_of_the_constructor_it_inherits():
    fields, is_open = parameters(Child)
    assert not is_open
    assert fields["size"].annotation is int


def test_defaults_are_read_without_calling():
    assert default(takes_any, "second") == "two"
    assert default(takes_any, "first") is None
    assert default(Child, "size") == 3
