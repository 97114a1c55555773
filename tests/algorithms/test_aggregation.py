import pytest
from torch import tensor
from torch.testing import assert_close

from guerdon.algorithms.aggregation import token_weights

MASK = tensor([[False, True, True, True], [True, False, False, False]])


@pytest.mark.parametrize(
    ("aggregation", "length_norm", "rows"),
    [
        ("token-mean", None, (1 / 4, 1 / 4)),
        ("seq-mean-token-mean", None, (1 / 6, 1 / 2)),
        ("seq-mean-token-sum", None, (1 / 2, 1 / 2)),
        ("seq-mean-token-sum", 10.0, (1 / 20, 1 / 20)),
    ],
)
def test_weights_by_hand(aggregation, length_norm, rows):
    weights = token_weights(MASK, aggregation, 4, 2, length_norm)
    assert_close(weights, MASK * tensor(rows).unsqueeze(1))


def test_counts_of_the_whole_step_not_of_the_rows_at_hand_decide():
    assert_close(token_weights(MASK, "token-mean", 8, 4), MASK / 8)
    assert token_weights(MASK, "seq-mean-token-mean", 8, 4)[1, 0] == 1 / 4


def test_a_row_without_actions_weighs_nothing():
    none = MASK & False
    for aggregation in ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum"):
        assert (token_weights(none, aggregation, 0, 0) == 0).all()
