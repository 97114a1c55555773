"""Sokoban: push every box onto a target. Levels from a seed, or from Boxoban's level files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from guerdon.envs.game import state_seed
from guerdon.envs.games import sokoban_level, sokoban_view
from guerdon.envs.games.sokoban_level import ACTIONS, SYMBOLS, Level
from guerdon.envs.games.sokoban_rooms import make_room
from guerdon.envs.games.sokoban_solver import solve
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, LoadReport, TaskSets
from guerdon.types import Task

_LEVEL = re.compile(r"^; *(\d+)[^\n]*\n(.*?)(?=^;|\Z)", re.MULTILINE | re.DOTALL)
_MEANINGS = (
    "wall",
    "floor",
    "target",
    "box on a target",
    "box",
    "player",
    "player on a target",
)


@dataclass(kw_only=True)
class SokobanGame:
    """The level of ``task.info["level"]`` (rows of a level file), or one made from the task's seed.

    Args:
        height, width: of made levels, walls included.
        boxes: of made levels.
        min_moves, max_moves: of the shortest solution of made levels.
        max_states: positions looked at to make a level; see `sokoban_rooms`.
        symbols: seven of them: wall, floor, target, box on a target, box, player, player on a
            target.
        view: the observation: the ``grid``, ``coordinates`` in words, ``both`` of them, or
            ``relative``: what lies around the player and the boxes, in words.
        step_reward: of every action.
        box_reward: for a box put onto a target; taken off again when it is pushed off.
        solved_reward: for the last box.
    """

    height: int = 6
    width: int = 6
    boxes: int = 1
    min_moves: int = 3
    max_moves: int = 10
    max_states: int = 20_000
    symbols: str = SYMBOLS
    view: Literal["grid", "coordinates", "both", "relative"] = "grid"
    step_reward: float = -0.1
    box_reward: float = 1.0
    solved_reward: float = 10.0
    actions: Sequence[str] = field(default=ACTIONS, init=False, repr=False)
    instruction: str = field(
        default="Push every box onto a target. You push by walking into a box; you cannot pull.",
        init=False,
        repr=False,
    )
    _level: Level = field(default=None, init=False, repr=False)  # type: ignore[assignment]
    _plan: list[str] = field(default_factory=list, init=False, repr=False)
    _planned_for: Level | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        problems = []
        if len(self.symbols) != 7 or len(set(self.symbols)) != 7:
            problems.append(
                f"SokobanGame: symbols must be 7 different characters, not {self.symbols!r}"
            )
        if min(self.height, self.width) < 4 or self.boxes < 1:
            problems.append("SokobanGame: rooms are at least 4x4 and have at least one box")
        if not 1 <= self.min_moves <= self.max_moves:
            problems.append("SokobanGame: 1 <= min_moves <= max_moves must hold")
        if problems:
            raise ConfigError(problems)

    @property
    def legend(self) -> dict[str, str]:
        """What the symbols, or the words, mean; empty where the view explains itself."""
        if self.view == "relative":
            return dict(sokoban_view.WORDS)
        shown = self.view != "coordinates"
        return dict(zip(self.symbols, _MEANINGS, strict=True)) if shown else {}

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Set the level up."""
        if "level" in task.info:
            self._level = sokoban_level.parse(task.info["level"])
        else:
            self._level = make_room(
                self.height,
                self.width,
                self.boxes,
                self.min_moves,
                self.max_moves,
                self.max_states,
                state_seed(task),
            )
        self._plan, self._planned_for = [], None
        return self._tell(), self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Walk or push."""
        before, self._level = self._level, sokoban_level.move(self._level, action)
        placed = self._num_placed(self._level) - self._num_placed(before)
        won = self._level.is_solved
        reward = self.step_reward + self.box_reward * placed + self.solved_reward * won
        info = self._info() | {"effective": float(self._level.player != before.player)}
        return self._tell(), reward, won, False, info

    def anchor(self) -> str:
        """The position."""
        return sokoban_level.show(self._level)

    def oracle(self) -> str | None:
        """The next action of a solution; None: none was found."""
        if self._planned_for != self._level or not self._plan:
            self._plan = solve(self._level) or []
        if not self._plan:
            return None
        action = self._plan.pop(0)
        self._planned_for = sokoban_level.move(self._level, action)
        return action

    def _info(self) -> dict[str, float]:
        return {
            "success": float(self._level.is_solved),
            "boxes_placed": float(self._num_placed(self._level)),
        }

    def _num_placed(self, level: Level) -> int:
        return len(level.boxes & level.targets)

    def _tell(self) -> str:
        if self.view == "relative":
            return sokoban_view.relative(self._level)
        parts = []
        if self.view != "coordinates":
            parts.append(sokoban_level.show(self._level, self.symbols))
        if self.view != "grid":
            parts.append(sokoban_level.coordinates(self._level))
        return "\n".join(parts)


@dataclass(frozen=True, kw_only=True)
class BoxobanTasks:
    """Levels of Boxoban's text files: ``; number``, then rows of # space . $ @ * and +.

    Equal levels are one; the first ones are held out.

    Args:
        path: a file, or a folder searched for .txt files.
        num_held_out: levels held out.
        limit: training levels to keep; None: all.
        prompt: what to tell the player first.
    """

    path: str
    num_held_out: int = 200
    limit: int | None = None
    prompt: str = ""

    def problems(self) -> list[str]:
        """What is wrong with the files; empty if nothing is."""
        try:
            self.load()
        except ConfigError as error:
            return error.problems
        return []

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Read the levels.

        Raises:
            ConfigError: there are no files, or no level to train on.
        """
        place = Path(self.path)
        files = sorted(place.rglob("*.txt")) if place.is_dir() else [place]
        root = place if place.is_dir() else place.parent
        if not files or not files[0].is_file():
            raise ConfigError(f"BoxobanTasks: no level file at {self.path!r}")
        levels: dict[str, Task] = {}
        num_rows = 0
        for file in files:
            name = "-".join(file.relative_to(root).with_suffix("").parts)
            for number, rows in _levels(file):
                num_rows += 1
                levels.setdefault("\n".join(rows), self._task(f"{name}-{number}", rows))
        tasks = list(levels.values())
        train = tasks[self.num_held_out :][: self.limit]
        if not train:
            raise ConfigError(
                f"BoxobanTasks: {self.path!r} has {len(tasks)} levels, of which num_held_out="
                f"{self.num_held_out} are held out: none is left to train on"
            )
        report = LoadReport(
            source=str(place),
            num_rows=num_rows,
            num_train=len(train),
            num_held_out=min(self.num_held_out, len(tasks)),
            notes={"a level repeated an earlier one and was left out": num_rows - len(tasks)},
        )
        return TaskSets(tuple(train), tuple(tasks[: self.num_held_out]), report)

    def _task(self, name: str, rows: list[str]) -> Task:
        return Task(
            id=f"boxoban/{name}",
            prompt=({"role": "user", "content": self.prompt},) if self.prompt else (),
            domain="boxoban",
            info={"level": rows},
        )


def _levels(file: Path) -> Iterator[tuple[str, list[str]]]:
    """(number, rows) of each level of a file."""
    for number, body in _LEVEL.findall(file.read_text()):
        yield number, [row for row in body.splitlines() if row.strip()]
