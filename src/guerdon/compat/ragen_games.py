"""RAGEN's environments as ours: ``custom_envs.<tag>`` becomes a game and its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.compat.foreign import Foreign
from guerdon.config.fields import did_you_mean

_GAMES = "guerdon.envs.games"
_VIEWS = {"grid": "grid", "coord": "coordinates", "grid_coord": "both"}


@dataclass(frozen=True)
class Tag:
    """One environment of theirs: a game of ours and where its tasks come from."""

    game: dict[str, Any]
    tasks: dict[str, Any]


def read_tag(theirs: Foreign, tag: str) -> Tag | None:
    """The environment a tag names; None when it cannot be had, which is a problem then."""
    key = f"custom_envs.{tag}"
    kind = theirs.take(f"{key}.env_type", f"env.envs.{tag}")
    if kind is None:
        known = theirs.peek("custom_envs") or {}
        theirs.problems.append(f"{key}: no such environment{did_you_mean(tag, known)}")
        return None
    if kind not in _READERS:
        theirs.problems.append(
            f"{key}.env_type: {kind!r} is not shipped; there are {', '.join(_READERS)}. Run it in "
            f"an installation of its own with `guerdon env serve` and name it as "
            f"guerdon.envs.remote.RemoteEnv"
        )
        return None
    theirs.ignore(f"{key}.parallel_friendly", "games that compute play in the event loop")
    theirs.ignore(f"{key}.max_workers", "env.threads, for games that wait")
    theirs.ignore(f"{key}.max_tokens", "models.policy.sampling.max_tokens is the limit")
    return _READERS[kind](theirs, f"{key}.env_config", tag)


def _seeded(game: dict[str, Any], tag: str) -> Tag:
    source = {"_target_": "guerdon.envs.seeded.GameTasks", "game": game, "domain": tag}
    return Tag(game, source)


def _fields(theirs: Foreign, key: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Those of their fields that are given, by our names."""
    return {
        ours: theirs.take(f"{key}.{name}", ours)
        for name, ours in names.items()
        if theirs.peek(f"{key}.{name}") is not None
    }


def _bandit(theirs: Foreign, key: str, tag: str) -> Tag:
    theirs.ignore(f"{key}.*", "ours has name pairs of its own, twelve to train on and four others")
    game = {"_target_": f"{_GAMES}.bandit.BanditGame"}
    return Tag(game, {"_target_": f"{_GAMES}.bandit.BanditTasks"})


def _sokoban(theirs: Foreign, key: str, tag: str) -> Tag:
    found = _fields(theirs, key, {"num_boxes": "boxes"})
    room = theirs.take(f"{key}.dim_room", "height, width")
    x, y = theirs.take(f"{key}.dim_x", "height"), theirs.take(f"{key}.dim_y", "width")
    if room is not None or (x and y):
        found |= dict(zip(("height", "width"), room or (x, y), strict=True))
    symbols = theirs.take(f"{key}.grid_lookup", "symbols")
    if symbols:
        found["symbols"] = "".join(symbols[index] for index in range(7))
    found |= _view(theirs, key)
    theirs.ignore(f"{key}.search_depth", "levels are made by the length of their solution")
    theirs.ignore(f"{key}.max_steps", "max_actions_per_traj and max_turn end an episode")
    theirs.ignore(f"{key}.grid_vocab", "the legend follows the symbols")
    theirs.ignore(f"{key}.action_lookup", "the actions are Up, Down, Left and Right")
    return _seeded({"_target_": f"{_GAMES}.sokoban.SokobanGame", **found}, tag)


def _frozen_lake(theirs: Foreign, key: str, tag: str) -> Tag:
    game = {"_target_": f"{_GAMES}.frozen_lake.FrozenLakeGame", "view": "grid"}
    names = {"is_slippery": "slippery", "success_rate": "success_rate"}
    game |= _fields(theirs, key, names) | _view(theirs, key)
    tasks = {"_target_": f"{_GAMES}.frozen_lake.FrozenLakeTasks"}
    tasks |= _fields(theirs, key, {"size": "size", "p": "frozen_frac"})
    theirs.ignore(f"{key}.map_seed", "maps differ by content, and the split is by content")
    theirs.ignore(f"{key}.grid_*", "the letters are gymnasium's")
    theirs.ignore(f"{key}.action_lookup", "the actions are Left, Down, Right and Up")
    return Tag(game, tasks)


def _view(theirs: Foreign, key: str) -> dict[str, Any]:
    found = theirs.take(f"{key}.observation_format", "view")
    theirs.ignore(f"{key}.render_mode", "text only")
    return {"view": _VIEWS[found]} if found in _VIEWS else {}


def _countdown(theirs: Foreign, key: str, tag: str) -> Tag:
    theirs.ignore(f"{key}.*", "problems are generated, each with a solution")
    return _seeded({"_target_": f"{_GAMES}.countdown.CountdownGame"}, tag)


def _simple_countdown(theirs: Foreign, key: str, tag: str) -> Tag:
    theirs.ignore(f"{key}.*", "it begins with 3 to 8 and pays 1 a number, 10 at the end")
    return _seeded({"_target_": f"{_GAMES}.simple_countdown.SimpleCountdownGame"}, tag)


def _sudoku(theirs: Foreign, key: str, tag: str) -> Tag:
    found = _fields(theirs, key, {"grid_size": "size", "num_empty": "num_empty"})
    theirs.ignore(f"{key}.*", "the number of empty cells says how hard it is")
    return _seeded({"_target_": f"{_GAMES}.sudoku.SudokuGame", **found}, tag)


def _rubik(theirs: Foreign, key: str, tag: str) -> Tag:
    found = _fields(theirs, key, {"scramble_depth": "scramble"})
    theirs.ignore(f"{key}.max_steps", "max_actions_per_traj and max_turn end an episode")
    return _seeded({"_target_": f"{_GAMES}.rubik.RubikGame", **found}, tag)


def _game_2048(theirs: Foreign, key: str, tag: str) -> Tag:
    theirs.ignore(f"{key}.*", "the classic rules")
    return _seeded({"_target_": f"{_GAMES}.game_2048.Game2048"}, tag)


_READERS: dict[str, Callable[[Foreign, str, str], Tag]] = {
    "bandit": _bandit,
    "sokoban": _sokoban,
    "frozen_lake": _frozen_lake,
    "countdown": _countdown,
    "simple_countdown": _simple_countdown,
    "sudoku": _sudoku,
    "rubikscube": _rubik,
    "game_2048": _game_2048,
}
