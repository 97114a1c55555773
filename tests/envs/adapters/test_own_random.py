"""Private copies of the global generators."""

import random

import numpy as np

from guerdon.envs.adapters.own_random import OwnRandom


def draw() -> tuple[float, float]:
    return random.random(), float(np.random.random())


def test_each_has_its_own_stream_and_the_global_ones_do_not_notice():
    before = (random.getstate(), np.random.get_state()[1].tolist())
    one, two, again = OwnRandom(1), OwnRandom(2), OwnRandom(1)
    mixed = []
    for own in (one, two, one):
        with own.lent():
            mixed.append(draw())
    with again.lent():
        alone = [draw(), draw()]
    assert [mixed[0], mixed[2]] == alone and mixed[1] not in alone
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_an_error_gives_the_generators_back():
    random.seed(5)
    before = random.getstate()
    try:
        with OwnRandom(1).lent():
            random.random()
            raise ValueError
    except ValueError:
        pass
    assert random.getstate() == before
