from pathlib import Path

import pytest

from guerdon.compat.foreign import Foreign, leaves
from guerdon.errors import ConfigError


def fates(found):
    return {fate.key: fate.status for fate in found.fates}


def test_every_key_has_a_fate():
    theirs = Foreign({"a": {"b": 1, "c": 2, "empty": {}}, "d": None, "e": 5, "g": {"h": {"i": 1}}})
    assert theirs.take("a.b", "ours.b") == 1
    assert theirs.take("g.h", "ours.h") == {"i": 1}
    theirs.ignore("e*", "not needed")
    found = theirs.finish({"ours": 1})
    assert fates(found) == {
        "a.b": "honoured",
        "a.c": "unknown",
        "a.empty": "unknown",
        "d": "ignored",
        "e": "ignored",
        "g.h.i": "honoured",
    }
    assert {fate.key: fate.note for fate in found.fates}["e"] == "not needed"


def test_a_key_that_is_null_or_absent_gives_the_default():
    theirs = Foreign({"a": None})
    assert theirs.take("a", "x", 3) == 3
    assert theirs.take("b.c", "x", 4) == 4
    assert theirs.take("a.c", "x", 5) == 5


def test_two_spellings_may_agree_but_not_differ():
    theirs = Foreign({"old": 1, "new": 1})
    assert theirs.first(["old", "new"], "x") == 1
    theirs = Foreign({"old": 1, "new": 2})
    theirs.first(["old", "new"], "x")
    with pytest.raises(ConfigError, match="old=1, new=2: these mean the same"):
        theirs.finish({})


def test_what_was_read_is_not_ignored_afterwards():
    theirs = Foreign({"a": 1})
    theirs.take("a", "x")
    theirs.ignore("*", "no")
    assert fates(theirs.finish({})) == {"a": "honoured"}


def test_leaves_are_dotted():
    assert dict(leaves({"a": {"b": {"c": 1}}, "d": [1]})) == {"a.b.c": 1, "d": [1]}


def write(tmp_path, text, name="f.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_files_are_merged_resolved_and_overridden(tmp_path):
    base = write(tmp_path, "a: 2\nb: ${a}\nc: ${mul:${a},3}\nd: ${int_div:7,2}\ne: ${not:true}\n")
    over = write(tmp_path, "a: 5\n", "g.yaml")
    assert Foreign.read([base, over]).values == {"a": 5, "b": 5, "c": 15, "d": 3, "e": False}
    assert Foreign.read([base], ["a=1", "+x.y=z", "~d"]).values["x"] == {"y": "z"}
    assert Foreign.read([base], ["a=1"]).values["b"] == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: ${b}\nb: ${a}\n", "f.yaml"),
        ("a: ${nowhere}\n", "nowhere"),
        ("a: 1\na: 2\n", "a"),
        ("- 1\n", "f.yaml"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        Foreign.read([write(tmp_path, text)])


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        Foreign.read([Path("nowhere.yaml")])


def test_a_value_of_a_file_that_is_not_given_is_absent_and_never_honoured(tmp_path):
    base = write(tmp_path, "defaults: [other, _self_]\na: ${nowhere.b}\nc: 1\n")
    theirs = Foreign.read([base])
    assert theirs.take("a", "x", 7) == 7
    (fate,) = (fate for fate in theirs.finish({}).fates if fate.key == "a")
    assert (fate.status, fate.note) == (
        "ignored",
        "its value is in a file that was not given (other)",
    )
    with pytest.raises(ConfigError, match=r"nowhere\.b"):
        Foreign.read([base, write(tmp_path, "d: 2\n", "other.yaml")])
