"""Sokoban as a game: rewards, views, the oracle, and Boxoban's files."""

import pytest

from guerdon.envs.games.sokoban import BoxobanTasks, SokobanGame
from guerdon.errors import ConfigError
from guerdon.types import Task

LEVEL = ["#######", "#@$. .#", "#   $ #", "#######"]
TASK = Task("s", (), info={"level": LEVEL})


def test_rewards_are_for_steps_boxes_and_the_whole():
    game = SokobanGame()
    _, info = game.reset(TASK, 0)
    assert info == {"success": 0.0, "boxes_placed": 0.0}
    _, reward, terminated, truncated, info = game.step("Right")
    assert reward == pytest.approx(0.9) and (terminated, truncated) == (False, False)
    assert info == {"success": 0.0, "boxes_placed": 1.0, "effective": 1.0}
    _, reward, *_ = game.step("Right")
    assert reward == pytest.approx(-1.1)  # pushed off again
    _, reward, *_, info = game.step("Up")
    assert reward == pytest.approx(-0.1) and info["effective"] == 0.0


def test_the_last_box_ends_the_game():
    game = SokobanGame()
    game.reset(Task("s", (), info={"level": ["#####", "#@$.#", "#####"]}), 0)
    told, reward, terminated, _, info = game.step("Right")
    assert told == "#####\n#_P√#\n#####" and terminated and info["success"] == 1.0
    assert reward == pytest.approx(10.9)


def test_the_oracle_solves_from_wherever_it_is_asked():
    game = SokobanGame()
    game.reset(Task("s", (), info={"seed": 5}), 0)
    terminated, strayed = False, False
    for number in range(60):
        action = game.oracle()
        assert action is not None
        if number == 1 and not strayed:
            strayed, action = True, "Up" if action != "Up" else "Left"
        terminated = game.step(action)[2]
        if terminated:
            break
        if game.oracle() is None:
            return  # the stray move was fatal, and the oracle says so
    assert terminated


def test_views_show_the_same_level():
    views = {}
    for view in ("grid", "coordinates", "both"):
        game = SokobanGame(view=view, symbols="W.GCBA@")
        views[view] = game.reset(TASK, 0)[0]
        assert (game.legend == {}) == (view == "coordinates")
    assert views["grid"] == "WWWWWWW\nWABG.GW\nW...B.W\nWWWWWWW"
    assert views["both"] == f"{views['grid']}\n{views['coordinates']}"
    assert SokobanGame(symbols="W.GCBA@").legend["C"] == "box on a target"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"symbols": "##OXP"}, "7 different characters"),
        ({"height": 3}, "at least 4x4"),
        ({"min_moves": 9, "max_moves": 3}, "min_moves <= max_moves"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        SokobanGame(**settings)


def test_boxoban_files_are_read_and_equal_levels_are_one(tmp_path):
    one = "; 0\n#####\n#@$.#\n#####\n\n"
    two = "; 1\n#####\n#.$@#\n#####\n"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "000.txt").write_text(one + two)
    (tmp_path / "001.txt").write_text(one.replace("; 0", "; 7"))
    sets = BoxobanTasks(path=str(tmp_path), num_held_out=1).load()
    assert [task.id for task in sets.held_out] == ["boxoban/001-7"]
    assert [task.id for task in sets.train] == ["boxoban/deep-000-1"]
    assert sets.train[0].info["level"] == ["#####", "#.$@#", "#####"]
    assert "1 x a level repeated an earlier one" in str(sets.report)


def test_missing_or_too_few_levels_are_config_errors(tmp_path):
    assert "no level file" in BoxobanTasks(path=str(tmp_path)).problems()[0]
    (tmp_path / "a.txt").write_text("; 0\n#####\n#@$.#\n#####\n")
    with pytest.raises(ConfigError, match="none is left to train on"):
        BoxobanTasks(path=str(tmp_path)).load()
    assert BoxobanTasks(path=str(tmp_path), num_held_out=0).problems() == []
