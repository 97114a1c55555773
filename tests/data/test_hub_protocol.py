"""Data sets of the hub, through the official clients and a hub of our own on loopback."""

import json
from pathlib import Path

import pytest

from guerdon.cli import main
from guerdon.data.sets.all_sets import SETS
from guerdon.tiny import TinyPolicy
from hub_double import Hub, Repository, guerdon, serving, started
from hub_sets import repositories, write_originals

REFUSING = "http://127.0.0.1:9"
"""Nothing listens there."""


@pytest.fixture(scope="module")
def hub():
    found = repositories()
    exported = {
        f"default/{name.partition('/')[2]}": body
        for name, body in found["datasets/ucinlp/drop"].files.items()
        if "/" in name
    }
    found["datasets/team/program"] = Repository(
        {"README.md": b"# Rows by a program", "program.py": b"raise SystemExit('ran')"},
        revisions={"refs/convert/parquet": exported},
    )
    found["datasets/team/gated"] = Repository({"README.md": b"# Rows"}, gated=True)
    with serving(found) as server:
        yield server


def read(hub_url: str, home: Path, code: str) -> list:
    """Run code that defines ``said`` from ``TaskFile``, ``GeneralSeeds`` and ``why``."""
    program = (
        "import json\n"
        "from guerdon.data.files import TaskFile\n"
        "from guerdon.data.general_seeds import GeneralSeeds\n"
        "def why(*words):\n"
        "    path, subset, split = words\n"
        "    return TaskFile(path=path, subset=subset, split=split).problems()\n"
        f"{code}\n"
        "print('\\n' + json.dumps(said))"
    )
    process = started(hub_url, home, "-c", program)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0, text
    return json.loads(text.splitlines()[-1])


def rows_of(folder: Path) -> dict[str, list]:
    """What `process` wrote, by file, each in the order of ids."""
    found = {}
    for path in sorted(folder.glob("*/*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            if row["dataset"] == "humaneval":  # its file does not name a split, the hub does
                row["metadata"].pop("split")
        found[str(path.relative_to(folder))] = sorted(rows, key=lambda row: row["id"])
    return found


def test_all_sets_come_from_the_hub_as_from_their_original_files(hub: Hub, tmp_path: Path) -> None:
    code, said = guerdon(hub.url, tmp_path, "data", "download")
    assert code == 0, said
    for line in (
        "gsm8k: 18 rows (train 12, test 6)", "math: 16 rows (train 12, test 4)",
        "squad: 22 rows (train 16, validation 6)", "hotpotqa: 14 rows (train 10, validation 4)",
        "drop: 7 rows (train 4, validation 3)", "humaneval: 4 rows (test 4)",
        "mbpp: 10 rows (train 7, validation 1, test 2)",
    ):  # fmt: skip
        assert line in said
    hub.asked.clear()
    assert guerdon(hub.url, tmp_path, "data", "download")[0] == 0
    assert hub.asked == []  # all is there
    ours, local = tmp_path / "data", tmp_path / "local"
    originals = write_originals(tmp_path / "originals")
    assert main(["data", "download", "--from", str(originals), "-o", str(local)]) == 0
    for folder in (ours, local):
        assert main(["data", "process", "-o", str(folder)]) == 0
        assert main(["data", "check", "-o", str(folder)]) == 0
    ours = rows_of(ours / "processed")
    assert ours == rows_of(local / "processed")
    assert {row["dataset"] for rows in ours.values() for row in rows} == SETS.keys()


def test_a_download_that_was_killed_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    stopped_in = "hotpotqa/hotpot_qa/distractor/train-00000-of-00001.parquet"
    hub.hold = stopped_in
    words = ["data", "download", "gsm8k", "hotpotqa", "mbpp"]
    process = started(hub.url, tmp_path, "-m", "guerdon", *words)
    try:
        assert hub.held.wait(100)
    finally:
        process.kill()
        process.communicate()
        hub.hold = ""
        hub.go_on.set()
    manifest = json.loads((tmp_path / "data" / "raw" / "manifest.json").read_text())
    assert list(manifest) == ["gsm8k"]
    hub.sent.clear()
    hub.cut.add(stopped_in)  # the connection breaks, too
    code, said = guerdon(hub.url, tmp_path, *words)
    assert code == 0, said
    assert "gsm8k: 18 rows" in said and "hotpotqa: 14 rows" in said and "mbpp: 10 rows" in said
    assert not any(name.startswith("openai/gsm8k") for name in hub.sent)
    assert hub.sent.count(stopped_in) == 2


def test_a_hub_that_cannot_be_reached_is_one_error_at_once_and_what_is_there_stays(
    hub: Hub, tmp_path: Path
) -> None:
    assert guerdon(hub.url, tmp_path, "data", "download", "gsm8k")[0] == 0
    code, said = guerdon(REFUSING, tmp_path, "data", "download")
    assert code == 2 and said.count("error:") == 1 and "Retrying" not in said
    assert f"the hub at {REFUSING} cannot be reached" in said and "HF_HUB_OFFLINE=1" in said
    assert main(["data", "download", "gsm8k", "-o", str(tmp_path / "data")]) == 0


def test_a_hub_that_dies_in_the_middle_is_named(tmp_path: Path) -> None:
    with serving(repositories()) as dying:
        dying.hold = "openai/gsm8k/main/train-00000-of-00001.parquet"
        process = started(dying.url, tmp_path, "-m", "guerdon", "data", "download")
        assert dying.held.wait(100)
    said, _ = process.communicate(timeout=100)
    assert process.returncode == 2 and said.count("error:") == 1
    assert "error: 'openai/gsm8k'" in said and f"the hub at {dying.url} cannot be reached" in said


def test_a_set_the_hub_lacks_or_closes_is_named(hub: Hub, tmp_path: Path) -> None:
    key = "datasets/ucinlp/drop"
    drop = hub.repositories.pop(key)
    try:
        code, said = guerdon(hub.url, tmp_path, "data", "download", "drop")
        assert code == 2
        assert "error: drop: 'ucinlp/drop'" in said and "the hub has no such data set" in said
        hub.repositories[key] = Repository(drop.files, gated=True)
        code, said = guerdon(hub.url, tmp_path, "data", "download", "drop", "humaneval")
        assert code == 1 and "humaneval: 4 rows" in said
        assert "accept its terms" in said and "HF_TOKEN" in said
    finally:
        hub.repositories[key] = drop


def test_tasks_of_a_training_config_are_a_subset_and_splits_of_the_hub(
    hub: Hub, tmp_path: Path
) -> None:
    policy = {"hidden": 8, "num_layers": 1, "num_heads": 1, "num_kv_heads": 1, "mlp": 8}
    TinyPolicy(**policy).save(tmp_path / "policy")
    words = ["check", "--config-name", "grpo_math", "models.policy.path=policy",
             "tasks.path=openai/gsm8k", "tasks.subset=main", "tasks.eval_split=test"]  # fmt: skip
    code, said = guerdon(hub.url, tmp_path, *words)
    assert code == 0 and said.endswith("ok\n"), said


def test_splits_of_a_subset_are_read_and_what_is_not_there_is_said_with_what_is(
    hub: Hub, tmp_path: Path
) -> None:
    code = (
        "said = [why('openai/gsm8k', None, 'train'), why('openai/gsm8k', 'mein', 'train'),\n"
        "        why('openai/gsm8k', 'main', 'dev'), why('team/none', None, 'train'),\n"
        "        why('team/gated', None, 'train'), why('team/program', None, 'train')]\n"
        "sets = TaskFile(path='openai/gsm8k', subset='main', eval_split='test').load()\n"
        "said += [[[t.answer for t in part] for part in (sets.train, sets.held_out)]]\n"
        "said += [sets.report.source]"
    )
    *said, [train, held_out], source = read(hub.url, tmp_path, code)
    assert train == [str(2 * n) for n in range(12)]
    assert held_out == [str(2 * n) for n in range(12, 18)]
    assert source == "openai/gsm8k[train] + openai/gsm8k[test]"
    for [problem], parts in zip(
        said,
        [
            ["subset none", "['main', 'socratic']"],
            ["subset mein", "['main', 'socratic']"],
            ["split 'dev'", "['train', 'test']"],
            ["'team/none'", "the hub has no such data set"],
            ["'team/gated'", "accept its terms on the hub's page, and export HF_TOKEN"],
            ["'team/program'", "guerdon download team/program --dataset --revision refs/convert"],
        ],
        strict=True,
    ):
        assert all(part in problem for part in parts), problem


def test_rows_behind_a_program_are_had_as_that_error_says(hub: Hub, tmp_path: Path) -> None:
    words = ["--dataset", "--revision", "refs/convert/parquet"]
    code, said = guerdon(hub.url, tmp_path, "download", "team/program", *words)
    assert code == 0, said
    [tasks] = read(
        hub.url, tmp_path,
        "sets = TaskFile(path='data/program/default', answer_key='query_id').load()\n"
        "said = [[t.answer for t in [*sets.train, *sets.held_out]]]",
    )  # fmt: skip
    assert sorted(tasks) == ["q0", "q1", "q2", "q3"]


def test_general_seeds_come_from_the_hub_or_are_replaced_loudly(hub: Hub, tmp_path: Path) -> None:
    code = (
        "sets = GeneralSeeds(num_seeds=12, num_held_out=0).load()\n"
        "said = [sorted(t.domain for t in sets.train), sets.report.lines()]"
    )
    domains, report = read(hub.url, tmp_path, code)
    assert domains == 4 * ["humaneval"] + 4 * ["math"] + 4 * ["mt_bench"]
    assert not any("WARNING" in line for line in report)
    domains, report = read(REFUSING, tmp_path, code)
    assert domains == 12 * ["starter"]
    assert sum("cannot be reached" in line for line in report) == 3
