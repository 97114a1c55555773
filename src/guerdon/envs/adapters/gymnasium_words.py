"""Observations of Gymnasium's toy worlds in words. Pure functions of the raw observation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TAXI_STOPS = ("Red", "Green", "Yellow", "Blue")
TAXI_PLACES = ((0, 0), (0, 4), (4, 0), (4, 3))
CLIFF_COLUMNS = 12


def taxi(observation: Any) -> str:
    """Where taxi, passenger and destination are."""
    rest, destination = divmod(int(observation), 4)
    rest, passenger = divmod(rest, 5)
    row, column = divmod(rest, 5)
    if passenger == len(TAXI_STOPS):
        where = "in the taxi"
    else:
        where = f"at {TAXI_STOPS[passenger]} {TAXI_PLACES[passenger]}"
    goal = f"{TAXI_STOPS[destination]} {TAXI_PLACES[destination]}"
    return f"Taxi at ({row}, {column}). Passenger {where}. Destination {goal}."


def cliff(observation: Any) -> str:
    """Where the player is, and what lies around."""
    row, column = divmod(int(observation), CLIFF_COLUMNS)
    return f"Player at ({row}, {column}). Goal at (3, 11). Cliff at (3, 1) to (3, 10)."


def blackjack(observation: Any) -> str:
    """The player's sum and the dealer's card."""
    total, dealer, usable_ace = (int(part) for part in observation)
    ace = ", with an ace counted as 11" if usable_ace else ""
    card = "an ace" if dealer == 1 else str(dealer)
    return f"Your sum is {total}{ace}. The dealer shows {card}."


WORDS: Mapping[str, Callable[[Any], str]] = {
    "Taxi": taxi,
    "CliffWalking": cliff,
    "Blackjack": blackjack,
}
"""By the name of the environment, without its version."""
