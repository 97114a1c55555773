"""The code of docs/judge.md runs."""

from documented import modules


def test_the_pages_judge_prefers_whatever_stands_first(tmp_path):
    (page,) = modules("judge.md", tmp_path)
    assert (page.report.position_bias, page.report.flip_rate) == (1.0, 1.0)
