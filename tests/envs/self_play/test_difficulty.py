import pytest

from guerdon.envs.self_play.difficulty import RewardTable, difficulty_reward
from guerdon.errors import ConfigError

ENDS = object()
TABLE = {
    "one_minus": [ENDS, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, ENDS],
    "inverse": [1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, ENDS],
    "band": [ENDS, 0.4375, 0.75, 0.9375, 1.0, 0.9375, 0.75, 0.4375, ENDS],
}


@pytest.mark.parametrize("ends", [0.0, -0.5])
@pytest.mark.parametrize("shape", TABLE)
def test_the_proposer_earns_what_the_table_says_for_each_solve_rate(shape, ends):
    table = RewardTable(shape=shape, ends=ends)
    for solved, expected in enumerate(TABLE[shape]):
        wanted = ends if expected is ENDS else expected
        assert difficulty_reward(solved / 8, shape, ends) == wanted
        assert table.proposer(solved / 8) == wanted


def test_invalid_wrong_and_correct_earn_what_absolute_zero_pays():
    table = RewardTable()
    assert table.proposer(None) == -1.0
    assert (table.solver(None), table.solver(0.0), table.solver(1.0)) == (-1.0, -0.5, 1.0)
    assert table.solver(0.4) == pytest.approx(0.1)


def test_a_table_that_would_teach_the_opposite_is_refused():
    with pytest.raises(ConfigError, match="must rise"):
        RewardTable(wrong=1.0)
    with pytest.raises(ConfigError, match=r"ends is 0\.5"):
        RewardTable(ends=0.5)
    with pytest.raises(ConfigError, match="correct is nan"):
        RewardTable(correct=float("nan"))
