"""The best actions of a small world whose transitions are known, by value iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Transitions = Mapping[int, Mapping[int, Sequence[Any]]]
"""state -> action -> (probability, next state, reward, terminated): gymnasium's ``P``."""


def best_actions(
    transitions: Transitions, gamma: float = 0.99, tolerance: float = 1e-10
) -> tuple[int, ...]:
    """The action of the highest value in each state, the first of equals.

    V(s) = max_a sum_s' P(s'|s, a) (r + gamma V(s')), with V = 0 after the end. A gamma below 1
    prefers short ways. Values settle exactly after as many sweeps as the longest way has steps,
    where chance plays no part.
    """
    num_states, num_actions = len(transitions), len(transitions[0])
    width = max(len(t) for actions in transitions.values() for t in actions.values())
    shape = (num_states, num_actions, width)
    chance, following, reward = np.zeros(shape), np.zeros(shape, dtype=int), np.zeros(shape)
    alive = np.zeros(shape)
    for state, actions in transitions.items():
        for action, outcomes in actions.items():
            for k, (p, after, gain, terminated) in enumerate(outcomes):
                at = (state, action, k)
                chance[at], following[at], reward[at], alive[at] = p, after, gain, not terminated
    values = np.zeros(num_states)
    while True:
        scores = (chance * (reward + gamma * alive * values[following])).sum(axis=2)
        best = scores.max(axis=1)
        if np.abs(best - values).max() < tolerance:
            return tuple(int(action) for action in (scores > best[:, None] - 1e-9).argmax(axis=1))
        values = best
