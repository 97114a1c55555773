"""What the policy sees of earlier turns, the rows that come of it, and what they are worth."""

import asyncio

import pytest

import broken_games as games
from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs.brief import Brief
from guerdon.envs.history import Full, Summary, Window
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError, EnvError
from guerdon.train.evaluate import summarise
from guerdon.types import Episode, Model, Task

TASK = Task("walk", ({"role": "user", "content": "Go."},), info={"start": 0})


class Sure(games.Walk):
    """Never slips."""

    def reset(self, task, seed):
        found = super().reset(task, seed)
        self.draw.random = lambda: 1.0  # type: ignore[method-assign]
        return found


def play(history, *replies, **settings) -> tuple[Episode, list]:
    engine = ScriptedEngine(list(replies))
    env = StepEnv(game=Sure(), history=history, **settings)
    episode = asyncio.run(env.rollout(TASK, {"policy": Model(engine)}))
    return episode, [prompt for prompt, _ in engine.calls]


def said(prompt) -> list[str]:
    return [f"{message['role'][0]}:{message['content']}" for message in prompt]


def test_the_full_history_grows_and_is_one_row():
    episode, prompts = play(Full(), "Right", "Right", "Right")
    assert said(prompts[2]) == ["u:Go.\n\nat 0", "a:Right", "u:at 1", "a:Right", "u:at 2"]
    (row,) = episode.trajectories
    assert [turn.state for turn in row.turns] == ["0", "1", "2"]


def test_a_window_shows_the_task_and_the_last_turns():
    episode, prompts = play(Window(turns=2), "Right", "Left", "Right", "Right", "Right")
    assert said(prompts[0]) == ["u:Go.\n\nat 0"]
    assert said(prompts[1]) == ["u:Go.\n\nat 0", "a:Right", "u:at 1"]
    assert said(prompts[2]) == ["u:Go.\n\nat 1", "a:Left", "u:at 0"]
    assert len(episode.trajectories) == 5
    assert {row.group for row in episode.trajectories} == {"walk"}
    assert sum(row.weight for row in episode.trajectories) == pytest.approx(1.0)


def test_a_window_of_one_is_the_present_alone():
    _, prompts = play(Window(turns=1), "Right", "Right", "Right", system="Play.")
    assert said(prompts[2]) == ["s:Play.", "u:Go.\n\nat 2"]


@pytest.mark.parametrize("turns", [1, 2, 3, 4, 9])
def test_a_window_never_shows_more_turns_than_it_is_wide(turns):
    _, prompts = play(Window(turns=turns), *["Left"] * 6, max_turns=6)
    shown = [sum(message["role"] == "user" for message in prompt) for prompt in prompts]
    assert shown == [min(number, turns) for number in range(1, 7)]


def test_a_summary_tells_what_was_done_in_one_message():
    _, prompts = play(Summary(turns=1, rewards=True), "Right", "fly", "Right", "Right")
    (message,) = prompts[2]
    assert message["content"] == (
        "Go.\n\nSo far:\nTurn 2:\nat 1\nYou did: nothing valid (reward -0.1)"
        "\n\nInvalid action. at 1"
    )
    assert len(prompts[3]) == 1 and "Turn 3:" in prompts[3][0]["content"]


@pytest.mark.parametrize("history", [Window(turns=2, gamma=0.5), Summary(turns=2, gamma=0.5)])
def test_a_row_a_turn_is_worth_the_return_from_its_turn_on(history):
    """Rewards -0.1 (invalid), 0, 0, 1 with gamma 1/2: returns 0.025, 0.25, 0.5, 1."""
    episode, _ = play(history, "fly", "Right", "Right", "Right")
    rows = episode.trajectories
    assert [row.turns[0].reward for row in rows] == [-0.1, 0.0, 0.0, 1.0]
    assert [row.total_reward for row in rows] == pytest.approx([0.025, 0.25, 0.5, 1.0])
    assert {row.status for row in rows} == {"completed"}
    assert [row.turns[0].state for row in rows] == ["0", "0", "1", "2"]


def test_an_episode_of_many_rows_is_evaluated_once():
    one, many = (
        summarise([play(history, "fly", "Right", "Right", "Right")[0]])
        for history in (Full(), Window(turns=2))
    )
    assert one.reward == many.reward == pytest.approx(0.9)
    assert one.episodes == many.episodes == 1


def test_rows_of_a_window_hold_exactly_the_sampled_tokens(script):
    models = script("Up", "Left")
    env = StepEnv(game=games.Walk(actions=("Left", "Up")), history=Window(turns=2), max_turns=2)
    rows = asyncio.run(env.rollout(TASK, models)).trajectories
    template = models["policy"].engine.template
    for row, reply in zip(rows, ("Up", "Left"), strict=True):
        start, end = row.turns[0].span
        assert template.decode(row.token_ids[start:end]) == reply
        assert row.action_mask == (False,) * start + (True,) * (end - start)


@pytest.mark.parametrize("history", [Full(), Window(turns=2)])
def test_a_forced_prefix_is_read_and_shown_but_not_trained(history, script):
    env = StepEnv(
        game=games.Walk(actions=("Left", "Up")),
        history=history,
        max_turns=2,
        action="last_word",
        prefix="Down ",
    )
    models = script("Up", "Left")
    rows = asyncio.run(env.rollout(TASK, models)).trajectories
    template = models["policy"].engine.template
    forced = template.encode_text("Down ")
    turns = [(row, turn) for row in rows for turn in row.turns]
    assert [turn.action["content"] for _, turn in turns] == ["Down Up", "Down Left"]
    assert all(turn.reward == 0.0 for _, turn in turns)  # both replies named an action
    for row, turn in turns:
        start, end = turn.span
        assert row.token_ids[start - len(forced) : start] == forced
        assert not any(row.action_mask[start - len(forced) : start])
        assert all(row.action_mask[start:end]) and row.token_ids[end - 1] in template.stop_ids


def test_a_context_that_is_full_ends_an_episode_of_windows(script):
    env = StepEnv(game=games.Walk(actions=("Left", "Up")), history=Window(turns=1), max_turns=5)
    with pytest.raises(EnvError, match="leaves no room for a reply"):
        asyncio.run(env.rollout(TASK, script("Left")))


def test_the_brief_says_what_it_is_asked_to():
    env = StepEnv(
        game=games.Walk(),
        brief=Brief(instruction="Walk.", each_turn=True),
        action="answer",
        separator="||",
        max_actions_per_turn=2,
        max_actions=5,
        max_turns=3,
        show_reward=True,
        system="Be brief.",
    )
    engine = ScriptedEngine(["<answer>Left||Left</answer>", "Left", "<answer>up</answer>"])
    asyncio.run(env.rollout(TASK, {"policy": Model(engine)}))
    first, second, third = (prompt for prompt, _ in engine.calls)
    assert said(first) == [
        "s:Be brief.",
        "u:Walk.\nActions: Left, Right.\nYou have 3 turns of at most 2 actions each, with || "
        "between them, and 5 actions in all.\nReply in the form <answer>action || ...</answer>."
        "\n\nGo.\n\nTurn 1 of 3. 5 actions left.\nat 0",
    ]
    assert said(second)[-1] == "u:Turn 2 of 3. 3 actions left.\nReward: 0\nat 0"
    assert said(third)[-1] == (
        "u:Invalid action. Reply in the form <answer>action || ...</answer>. "
        "Turn 3 of 3. 3 actions left.\nReward: -0.1\nat 0"
    )


def test_format_and_invalid_penalties_are_apart_and_actions_are_capped():
    env = StepEnv(
        game=games.Walk(),
        action="answer",
        separator="||",
        max_actions_per_turn=2,
        max_actions=3,
        format_penalty=0.5,
        invalid_penalty=0.25,
    )
    replies = [
        "Left",
        "<answer>up</answer>",
        "<answer>Left||up</answer>",
        "<answer>Left||Left||Left</answer>",
    ]
    engine = ScriptedEngine(replies)
    episode = asyncio.run(env.rollout(TASK, {"policy": Model(engine)}))
    (row,) = episode.trajectories
    assert [turn.reward for turn in row.turns] == [-0.5, -0.25, -0.25, -0.5]
    assert episode.metrics["actions"] == 3.0 and row.status == "truncated"
    assert episode.metrics["invalid_frac"] == episode.metrics["malformed_frac"] == 0.5


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="Window: turns must be at least 1"):
        Window(turns=0)
    with pytest.raises(ConfigError, match=r"gamma must lie in 0\.\.1"):
        Summary(turns=1, gamma=2.0)
    with pytest.raises(ConfigError, match="needs a separator"):
        StepEnv(game=games.Walk(), max_actions_per_turn=2)
    with pytest.raises(ConfigError, match="format_penalty is taken off"):
        StepEnv(game=games.Walk(), format_penalty=-1.0)
