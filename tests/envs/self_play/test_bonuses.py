import pytest

from guerdon.envs.self_play.bonuses import Bonuses, complexity, diversity
from guerdon.envs.self_play.problems import Problem
from guerdon.errors import ConfigError

PLAIN = Problem("code_o", "def f(a):\n    return 2 * a", ("3",), ("6",))


def test_branches_count_once_for_every_branch_they_stand_in():
    assert complexity(PLAIN.program) == 0.0
    loop = "def f(a):\n    for x in a:\n        if x:\n            return x\n    return 0"
    assert complexity(loop) == pytest.approx((1 + 2) / 15)
    assert complexity("def f(a):\n" + "    if a: a = 0\n" * 40 + "    return a") == 1.0


def test_a_copy_is_not_diverse_and_a_stranger_is():
    stranger = Problem("code_o", "def f(s):\n    return s.upper()[::-1]", ("''",), ("''",))
    assert diversity(PLAIN, [PLAIN]) == 0.0
    assert diversity(stranger, [PLAIN]) > 0.8
    assert diversity(stranger, [PLAIN, stranger]) == pytest.approx(diversity(stranger, [PLAIN]) / 2)


def test_each_term_is_bounded_and_off_at_coefficient_zero():
    assert Bonuses().of(PLAIN, [PLAIN]) == {}
    stranger = Problem("code_o", "def f(s):\n    return s.upper()[::-1]", ("''",), ("''",))
    assert Bonuses(diversity=9.0, most=0.5).of(stranger, [PLAIN]) == {"diversity": 0.5}
    assert Bonuses(diversity=9.0).of(stranger, []) == {}
    with pytest.raises(ConfigError, match="complexity is -1"):
        Bonuses(complexity=-1.0)
