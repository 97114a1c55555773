import json

from guerdon.train.curve import draw_curve


def write(folder, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metrics.jsonl").write_text(text)


def test_there_is_no_picture_before_the_first_step(tmp_path):
    write(tmp_path, [{"step": 0, "eval/success": 0.0}])
    assert draw_curve(tmp_path) is None
    assert not (tmp_path / "curve.png").exists()


def test_a_run_becomes_a_png_with_or_without_evaluations(tmp_path):
    rows = [{"step": step, "reward/mean": step / 3} for step in range(1, 4)]
    write(tmp_path, rows)
    plain = draw_curve(tmp_path).read_bytes()
    rows[-1] |= {"eval/success": 0.5, "eval/success_low": 0.4, "eval/success_high": 0.6}
    write(tmp_path, rows)
    path = draw_curve(tmp_path, {"random moves": 0.1})
    assert path == tmp_path / "curve.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.read_bytes() != plain
