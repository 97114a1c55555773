"""A page that needs nothing else."""

import xml.etree.ElementTree as ET

from guerdon.trust import page


def test_what_a_model_wrote_is_text_and_never_markup() -> None:
    hostile = '<script>alert(1)</script> & "quotes"'
    drawn = page.plot({hostile: [(0.0, 0.0)], "b": [(1.0, 1.0)]}, x=hostile, y=hostile)
    told = [page.heading(hostile), page.paragraph(hostile), page.table([hostile], [[hostile]])]
    text = page.page(hostile, *told, drawn)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 9


def test_nothing_is_loaded_from_anywhere() -> None:
    text = page.page("t", page.plot({"a": [(0.0, 0.0), (1.0, 1.0)]}, x="x", y="y"))
    assert "href" not in text and "src=" not in text and "url(" not in text


def test_a_plot_is_svg_within_its_frame() -> None:
    picture = ET.fromstring(page.plot({"a": [(0.0, 1.0), (10.0, 3.0)]}, x="step", y="mean"))
    (line,) = [one for one in picture.iter() if one.tag.endswith("polyline")]
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert points[0] == (page.LEFT, page.HEIGHT - page.BOTTOM)
    assert points[1] == (page.WIDTH - 16, 24)


def test_equal_values_and_no_values_can_be_drawn() -> None:
    assert "polyline" in page.plot({"a": [(1.0, 1.0), (1.0, 1.0)]}, x="x", y="y")
    assert page.plot({"a": []}, x="x", y="y") == ""


def test_numbers_stand_right_and_long_text_keeps_its_lines() -> None:
    text = page.table(["a"], [[0.5], [1000], ["two\nlines"], [None]])
    assert '<td class="n">0.500</td>' in text and '<td class="n">1,000</td>' in text
    assert "<pre>two\nlines</pre>" in text
