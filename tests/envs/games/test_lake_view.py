"""What a player on a frozen lake is told."""

from guerdon.envs.games.lake_view import grid, words

LAKE = ("SFH", "FFH", "HFG")


def test_words_name_the_cell_in_each_direction() -> None:
    assert words(LAKE, 0) == "Left wall Down safe Right safe Up wall"
    assert words(LAKE, 4) == "Left safe Down safe Right hole Up safe"
    assert words(LAKE, 7) == "Left hole Down wall Right goal Up safe"


def test_words_can_reach_further_say_where_the_player_is_and_where_it_has_been() -> None:
    assert words(LAKE, 1, reach=2) == ("Left safe wall Down safe safe Right hole wall Up wall wall")
    assert words(LAKE, 1, place=True).startswith("row 1 column 2 Left ")
    assert words(LAKE, 1, visited={0: 1, 1: 3}) == "Left been Down safe Right hole Up wall"


def test_words_can_be_one_a_direction() -> None:
    assert words(LAKE, 7, joined=True) == "LeftHole DownWall RightGoal UpSafe"
    assert words(LAKE, 1, reach=2, visited={0: 2}, joined=True).startswith("LeftOftenWall ")


def test_a_cell_where_the_player_stood_more_than_once_is_called_often() -> None:
    assert words(LAKE, 1, visited={0: 2, 5: 1}).startswith("Left often ")


def test_a_cell_beyond_the_edge_is_a_wall_even_if_its_number_was_visited() -> None:
    assert words(LAKE, 3, visited={2: 1, 3: 1, 5: 1}).startswith("Left wall ")


def test_the_grid_shows_the_map_and_the_player() -> None:
    assert grid(LAKE, 4) == "S F H\nF P H\nH F G"
