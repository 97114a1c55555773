"""Characters that a reader cannot see."""

from guerdon.rewards.unseen import num_hidden, on_one_line, without_hidden


def test_hidden_characters_go_and_joiners_and_lines_stay() -> None:
    assert without_hidden("a\u200bb\u202ec\n\x1bd\U000e0041") == "abc\nd"
    assert without_hidden("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937"


def test_hidden_characters_are_counted_and_line_ends_are_none() -> None:
    assert num_hidden("a\r\nb\tc") == 0
    assert num_hidden("\ufeffa\u2060b\x00") == 3


def test_on_one_line_nothing_unseen_is_left() -> None:
    assert on_one_line(" a\u200d \n\n b\t\u200bc ") == "a b c"
    assert on_one_line("\u200b\u200c\u200d\u2060\ufeff") == ""
