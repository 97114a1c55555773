"""`guerdon download` against a hub of our own, on loopback."""

import os
import subprocess
import sys

import pytest

from commands import environment
from guerdon.cli import main
from guerdon.tiny import TinyPolicy
from hub_double import Repository, guerdon, serving

REFUSING = "http://127.0.0.1:9"
"""Nothing listens there."""
LARGE = bytes(range(256)) * (3 << 15)
"""24 MB: the clients keep pieces of 10."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "policy"
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    closed = Repository(files, gated=True)
    rows = Repository({"data/train.parquet": LARGE})
    found = {"models/team/policy": Repository(files), "models/team/closed": closed,
             "datasets/team/rows": rows}  # fmt: skip
    with serving(found) as server:
        yield server


def test_a_model_arrives_whole_without_pickles_and_is_not_fetched_twice(hub, tmp_path):
    files = hub.repositories["models/team/policy"].files
    code, said = guerdon(hub.url, tmp_path, "download", "team/policy")
    assert (code, "models/policy" in said) == (0, True), said
    folder = tmp_path / "models" / "policy"
    there = {path.name for path in folder.iterdir() if path.is_file()}
    assert there == set(files) - {"pytorch_model.bin"}
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    (folder / "model.safetensors").unlink()
    hub.sent.clear()
    assert guerdon(hub.url, tmp_path, "download", "team/policy")[0] == 0
    assert hub.sent == ["team/policy/model.safetensors"]  # the rest was there


def test_of_a_file_that_was_cut_off_the_rest_is_fetched(hub, tmp_path):
    hub.cut.add("team/rows/data/train.parquet")
    code, said = guerdon(hub.url, tmp_path, "download", "team/rows", "--dataset", "-o", "rows")
    assert code == 0, said
    assert (tmp_path / "rows" / "data" / "train.parquet").read_bytes() == LARGE
    whole, rest = [name for name in hub.sent if name.startswith("team/rows")]
    start = int(rest.removeprefix(f"{whole} bytes=").rstrip("-"))
    assert 0 < start <= len(LARGE) // 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["team/none"], ["team/none", "the hub has no such model", "--dataset"]),
        (["team/closed"], ["team/closed", "accept its terms", "HF_TOKEN"]),
        (["team/policy", "--revision", "v9"], ["team/policy", "no revision 'v9'"]),
    ],
)
def test_what_the_hub_does_not_give_is_told_with_what_to_do(hub, tmp_path, words, says):
    code, said = guerdon(hub.url, tmp_path, "download", *words)
    assert code == 2 and said.count("\n") == 1
    assert all(part in said for part in says), said


def test_a_hub_that_refuses_connections_is_named_at_once_and_half_a_folder_is_not_all(tmp_path):
    (tmp_path / "models" / "policy").mkdir(parents=True)
    (tmp_path / "models" / "policy" / "config.json").write_text("{}")
    code, said = guerdon(REFUSING, tmp_path, "download", "team/policy")
    assert code == 2 and "Retrying" not in said
    assert f"the hub at {REFUSING} cannot be reached" in said


def test_without_the_hub_it_says_how_to_go_on(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "guerdon", "download", "team/policy", "--out", "here"],
        cwd=tmp_path, env={**os.environ, **environment(), "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr and "copy the files to here" in done.stderr


def test_a_path_is_no_name_of_the_hub(capsys):
    assert main(["download", "./models/policy"]) == 2
    assert "owner/name" in capsys.readouterr().err
