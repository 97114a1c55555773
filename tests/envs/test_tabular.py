"""Value iteration on worlds small enough to solve by hand."""

from guerdon.envs.tabular import best_actions


def test_the_better_of_a_near_small_and_a_far_large_reward_is_taken():
    """0 -a-> end (1); 0 -b-> 1 -a-> end (3): 0.99 * 3 > 1."""
    world = {
        0: {0: [(1.0, 2, 1.0, True)], 1: [(1.0, 1, 0.0, False)]},
        1: {0: [(1.0, 2, 3.0, True)], 1: [(1.0, 0, 0.0, False)]},
        2: {0: [(1.0, 2, 0.0, True)], 1: [(1.0, 2, 0.0, True)]},
    }
    assert best_actions(world)[:2] == (1, 0)
    assert best_actions(world, gamma=0.3)[:2] == (0, 0)


def test_chance_is_weighed_and_nothing_follows_the_end():
    """A sure 0.6 beats one half of 1; the 100 behind the end does not count."""
    world = {
        0: {
            0: [(1.0, 1, 0.6, True)],
            1: [(0.5, 1, 1.0, True), (0.5, 1, 0.0, True)],
        },
        1: {0: [(1.0, 1, 100.0, True)], 1: [(1.0, 1, 0.0, True)]},
    }
    assert best_actions(world) == (0, 0)
