import io

import pytest
from rich.console import Console

from guerdon.train.display import Display, describe, duration
from guerdon.train.evaluate import Evaluation


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (200.0, "3 min 20 s"), (7500.0, "2 h 05 min")],
)
def test_durations_are_told_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_an_evaluation_names_success_interval_and_what_was_not_counted():
    found = Evaluation(0.5, 0.25, (0.1, 0.4), 20, 3, {1: 0.25, 4: 0.5})
    assert describe(found.to_json()) == (
        "success 0.250 (0.10 to 0.40), reward 0.500, 20 episodes, pass@4 0.500, "
        "3 failed and not counted"
    )


def test_a_terminal_shows_reward_success_kl_speed_and_time_left():
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    display = Display(console)
    display.start(0, 4)
    row = {"reward/mean": 0.5, "rollout/success": 0.25, "policy/ref_kl": 0.0125}
    display.step(2, row | {"time/tokens_per_s": 12345.0})
    line = display._line().plain
    display.close()
    assert line.startswith(
        "step 2/4 · reward 0.500 · success 0.25 · KL 0.0125 · 12,345 tokens/s · "
    )
    assert line.endswith(" left")


def test_the_last_line_says_what_came_out_where_it_is_and_how_to_look_closer(tmp_path):
    out = io.StringIO()
    display = Display(Console(file=out, width=300))
    scores = {"success": 0.0, "reward": 0.0, "episodes": 200, "ci95": [0.0, 0.02], "errors": 0}
    summary = {
        "before": scores,
        "after": scores | {"success": 0.915},
        "train_s": 61.6,
        "baselines": {"random moves": 0.024},
    }
    display.finished(summary, tmp_path)
    lines = out.getvalue().splitlines()
    assert lines[-2] == "for comparison, held-out success of random moves: 0.024"
    assert lines[-1] == (
        f"held-out success 0.000 → 0.915 · 62 s of training · {tmp_path} · "
        f"look closer: guerdon show {tmp_path}"
    )
