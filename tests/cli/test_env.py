"""`guerdon list envs`, `guerdon env`, and `guerdon evaluate --env`, as a user meets them."""

import json

import pytest

from guerdon.cli import main
from guerdon.config.compose import SHIPPED
from guerdon.llm.testing import ScriptedServer


def out(capsys, *words: str) -> str:
    assert main([*words]) == 0
    return capsys.readouterr().out


def refused(capsys, *words: str) -> str:
    assert main([*words]) == 2
    return capsys.readouterr().err


def test_every_shipped_environment_is_listed_with_one_line(capsys):
    lines = out(capsys, "list", "envs").splitlines()
    for file in (SHIPPED / "env").glob("*.yaml"):
        (line,) = (line for line in lines if line.split()[0] == file.stem)
        assert len(line.split()) > 3


def test_an_oracle_and_a_random_player_are_evaluated_as_json(capsys):
    words = ("evaluate", "--env", "frozen_lake", "--episodes", "40", "--json", "tasks.num_train=1")
    best = json.loads(out(capsys, *words, "--policy", "oracle"))
    assert (best["env"], best["policy"], best["success"]) == ("frozen_lake", "oracle", 1.0)
    assert best["episodes"] == 40 and best["errors"] == 0 and best["ci95"][0] > 0.9
    chance = json.loads(out(capsys, *words, "--policy", "random"))
    assert chance["ci95"][1] < best["ci95"][0]
    assert chance == json.loads(out(capsys, *words, "--policy", "random"))


def test_several_environments_make_a_table_with_pass_at_k(capsys):
    words = ("--env", "bandit", "--env", "number_guess", "--policy", "random")
    text = out(capsys, "evaluate", *words, "--episodes", "16", "--samples", "4")
    head, *rows = [line for line in text.splitlines() if line.strip()][1:]
    assert "pass@4" in head and "95 % interval" in head
    assert [row.split()[0] for row in rows] == ["bandit", "number_guess"]
    many = json.loads(out(capsys, "evaluate", *words, "--episodes", "4", "--json"))
    assert set(many["envs"]) == {"bandit", "number_guess"} and many["policy"] == "random"


def test_a_script_plays(capsys, tmp_path):
    file = tmp_path / "replies.txt"
    file.write_text("50\n25\n")
    words = ("evaluate", "--env", "number_guess", "--policy", "scripted", "--replies", str(file))
    found = json.loads(out(capsys, *words, "--episodes", "5", "--json"))
    assert found["episodes"] == 5 and found["turns"] > 1


def test_an_endpoint_plays(capsys):
    with ScriptedServer(lambda ask: "Falcon", model="bird") as server:
        words = ("--endpoint", server.url, "--model", "bird", "--episodes", "8", "--json")
        found = json.loads(out(capsys, "evaluate", "--env", "bandit", *words))
    assert found["errors"] == 0 and found["policy"].startswith("bird at http://127.0.0.1")


def test_who_plays_must_be_clear(capsys):
    assert "--env needs one player" in refused(capsys, "evaluate", "--env", "bandit")
    both = ("evaluate", "--env", "bandit", "--policy", "random", "--model", "x")
    assert "--env needs one player" in refused(capsys, *both)
    assert "go together" in refused(capsys, "evaluate", "--env", "bandit", "--policy", "scripted")
    assert "need --env NAME" in refused(capsys, "evaluate", "--policy", "oracle")
    nowhere = ("evaluate", "--env", "bandit", "--endpoint", "http://127.0.0.1:9/v1")
    assert "--endpoint needs --model" in refused(capsys, *nowhere)
    none = ("evaluate", "--env", "game_2048", "--policy", "oracle")
    assert "Game2048 has no oracle()" in refused(capsys, *none)
    few = ("evaluate", "--env", "bandit", "--policy", "random", "--episodes", "0")
    assert "--episodes must be at least 1" in refused(capsys, *few)


def test_an_environment_is_checked(capsys, tmp_path):
    assert out(capsys, "env", "check", "bandit", "--tasks", "1") == "bandit: ok\n"
    (tmp_path / "mine.yaml").write_text(
        "env: {_target_: guerdon.envs.steps.StepEnv, game: {_target_: broken_games.Clueless}}\n"
        "tasks: {_target_: guerdon.envs.seeded.GameTasks, game: '${env.game}', domain: walk,\n"
        "  num_train: 1, num_held_out: 1, distinct: false}\n"
    )
    assert main(["env", "check", str(tmp_path / "mine.yaml")]) == 1
    assert "Walk.reset raised KeyError: 'start'" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_name_that_is_wrong_is_corrected(capsys, command):
    assert "did you mean 'bandit'" in refused(capsys, "env", command, "bandid")
