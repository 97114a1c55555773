"""A solver for Sokoban: greedy best-first search over pushes, with squares that no box may enter.

Small rooms are solved in milliseconds and most Boxoban levels in seconds. Solutions are found, not
shortest ones.
"""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count

from guerdon.envs.games.sokoban_level import ACTIONS, Level

_Node = tuple[frozenset[int], int]
"""Boxes, and the smallest cell the player can walk to: walks within a region are one node."""


def solve(level: Level, max_nodes: int = 300_000) -> list[str] | None:
    """Actions that solve a level; None: there are none, or not within ``max_nodes`` positions."""
    pushes = _pushes_to_target(level)
    if any(box not in pushes for box in level.boxes):
        return None
    start = (level.boxes, _region(level, level.boxes, level.player)[0])
    came: dict[_Node, tuple[_Node, int, int] | None] = {start: None}
    order = count()
    heap = [(_estimate(level.boxes, pushes), next(order), start)]
    while heap and len(came) < max_nodes:
        _, _, node = heapq.heappop(heap)
        boxes, corner = node
        if level.targets <= boxes:
            return _actions(level, _path(came, node))
        reachable = _region(level, boxes, corner)[1]
        for box in boxes:
            for offset in level.offsets().values():
                beyond = box + offset
                if box - offset not in reachable or beyond not in pushes or beyond in boxes:
                    continue
                moved = boxes - {box} | {beyond}
                if _is_stuck(level, moved, beyond):
                    continue
                following = (moved, _region(level, moved, box)[0])
                if following not in came:
                    came[following] = (node, box, offset)
                    entry = (_estimate(moved, pushes), next(order), following)
                    heapq.heappush(heap, entry)
    return None


def _pushes_to_target(level: Level) -> dict[int, int]:
    """Fewest pushes of a lone box from each cell to a target; other cells are dead."""
    found = dict.fromkeys(level.targets, 0)
    todo = deque(level.targets)
    while todo:
        cell = todo.popleft()
        for offset in level.offsets().values():
            before, pusher = cell - offset, cell - 2 * offset
            inside = 0 <= pusher < level.height * level.width
            if not inside or before in level.walls or pusher in level.walls or before in found:
                continue
            found[before] = found[cell] + 1
            todo.append(before)
    return found


def _estimate(boxes: frozenset[int], pushes: dict[int, int]) -> int:
    return sum(pushes[box] for box in boxes)


def _is_stuck(level: Level, boxes: frozenset[int], box: int) -> bool:
    """Whether the pushed box is part of a square of walls and boxes, some of them off target."""
    blocked = level.walls | boxes
    for down in (-level.width, level.width):
        for right in (-1, 1):
            square = (box, box + down, box + right, box + down + right)
            if all(cell in blocked for cell in square):
                return any(cell in boxes and cell not in level.targets for cell in square)
    return False


def _region(level: Level, boxes: frozenset[int], player: int) -> tuple[int, set[int]]:
    """The smallest cell the player can walk to, and all of them."""
    reached, todo = {player}, [player]
    offsets = (-level.width, level.width, -1, 1)
    while todo:
        cell = todo.pop()
        for offset in offsets:
            ahead = cell + offset
            if ahead not in reached and ahead not in level.walls and ahead not in boxes:
                reached.add(ahead)
                todo.append(ahead)
    return min(reached), reached


def _path(came: dict[_Node, tuple[_Node, int, int] | None], node: _Node) -> list[tuple[int, int]]:
    """(box, offset) of each push, first to last."""
    pushes = []
    while (step := came[node]) is not None:
        node, box, offset = step
        pushes.append((box, offset))
    return pushes[::-1]


def _actions(level: Level, pushes: list[tuple[int, int]]) -> list[str]:
    """The pushes with the walks between them."""
    actions, boxes, player = list[str](), level.boxes, level.player
    names = {offset: name for name, offset in zip(ACTIONS, level.offsets().values(), strict=True)}
    for box, offset in pushes:
        actions += [names[o] for o in _walk(level, boxes, player, box - offset)] + [names[offset]]
        boxes, player = boxes - {box} | {box + offset}, box
    return actions


def _walk(level: Level, boxes: frozenset[int], start: int, goal: int) -> list[int]:
    """The shortest walk, as offsets; there is one."""
    came: dict[int, int] = {start: 0}
    todo = deque([start])
    while goal not in came:
        cell = todo.popleft()
        for offset in level.offsets().values():
            ahead = cell + offset
            if ahead not in came and ahead not in level.walls and ahead not in boxes:
                came[ahead] = offset
                todo.append(ahead)
    steps = []
    while goal != start:
        steps.append(came[goal])
        goal -= came[goal]
    return steps[::-1]
