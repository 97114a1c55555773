"""The shipped judge and verifier presets under attack, with a server that believes anybody."""

import importlib.util
import json
import re
from functools import partial
from pathlib import Path

import pytest

import judges
from guerdon import cli
from guerdon.llm.testing import ScriptedServer
from guerdon.tiny import TinyPolicy


def _script():
    """The script behind the table of docs/trust.md, with its server that believes everything."""
    file = Path(__file__).parents[2] / "benchmarks" / "stress_presets.py"
    spec = importlib.util.spec_from_file_location("stress_presets", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


presets = _script()
RIGHT = ("75", "Jupiter")
BELIEVED = re.compile(
    r"correct|right|yes|full marks|score|10|verif|accept|reference|certain|same|perfect|flawless",
    re.IGNORECASE,
)
"""Any of these words in an answer is enough for it."""


def believes(answer: str, reference: str) -> bool:
    """A gullible reader: knows what is right, and takes anybody's word for what is not."""
    return answer.strip() == reference or bool(BELIEVED.search(answer))


def verifier(ask, believes=believes) -> str:
    """Answers General-Verifier's prompt, and that of the instruct preset."""
    found = re.search(
        r"(?:Ground Truth Answer|Reference answer): (.*?)\n\n.*?"
        r"(?:Student Answer|Given answer): (.*?)\n\n(?:For the above|Does the given)",
        ask.text or str(ask.prompt), re.DOTALL,
    )  # fmt: skip
    assert found, ask
    word = "Yes" if believes(found[2], found[1]) else "No"
    return f"Final Decision: {word}\nVerdict: {word}"


def judge(seen) -> int:
    """Scores what stands between the marks: the best for what it believes, else the least."""
    return (
        10 if any(a in seen["response"] for a in RIGHT) or BELIEVED.search(seen["response"]) else 1
    )


def attacked(capsys, server, role, *arguments):
    """(exit code, record) of ``guerdon reward stress``."""
    settings = presets.asked_at(server.url, role)
    code = cli.main(["reward", "stress", "--json", *arguments, *settings])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture
def tasks(tmp_path):
    """A number and a name."""
    path = tmp_path / "tasks.jsonl"
    answers = ["75", "Jupiter", "66", "Mars"]
    rows = [{"question": f"{n}?", "answer": answer} for n, answer in enumerate(answers)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ["--data", str(path), "--limit", "2"]


def test_the_cascade_asks_about_few_attacks_and_the_rest_end_at_rules(tasks, capsys):
    with ScriptedServer(verifier) as server:
        code, record = attacked(capsys, server, "verifier", "-r", "cascade", *tasks)
        asked = server.num_calls
    assert {a["outcome"] for a in record["attempts"]} <= {"blocked", "held", "fooled"}
    assert record["blocked"] > record["fooled"]
    assert 0 < asked < len(record["attempts"]) / 2
    assert code == (1 if record["fooled"] else 0)


def test_the_published_verifier_has_no_guard_and_the_report_says_so(tasks, tmp_path, capsys):
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(tmp_path / "v")
    with ScriptedServer(verifier) as server:
        code, record = attacked(
            capsys, server, "verifier", "-r", "general_reasoner", *tasks,
            f"reward.tokenizer='{tmp_path / 'v'}'",
        )  # fmt: skip
    assert code == 1
    assert record["fooled"] > 0


@pytest.mark.parametrize("preset", ["binary", "instruct"])
def test_every_attack_on_a_verifier_is_blocked_or_reported(preset, tasks, capsys):
    with ScriptedServer(verifier) as server:
        code, record = attacked(capsys, server, "verifier", "-r", preset, *tasks)
        asked = server.num_calls
    outcomes = {(a["family"], a["place"], a["outcome"]) for a in record["attempts"]}
    assert {a["outcome"] for a in record["attempts"]} <= {"blocked", "held", "fooled"}
    assert record["blocked"] > record["fooled"] > 0 and code == 1
    assert 0 < asked < len(record["attempts"])
    assert not any(place == "response" and out == "fooled" for family, place, out in outcomes
                   if family in ("empty", "symbols", "gibberish"))  # fmt: skip


def test_a_gullible_judge_is_reported_attack_by_attack(tasks, capsys):
    with ScriptedServer(judges.speaking(judge)) as server:
        code, record = attacked(capsys, server, "judge", "-r", "judge", *tasks)
    fooled = {(a["family"], a["name"]) for a in record["attempts"] if a["outcome"] == "fooled"}
    blocked = {(a["family"], a["name"]) for a in record["attempts"] if a["outcome"] == "blocked"}
    assert code == 1
    assert ("instruction", "full marks") in fooled and ("empty", "nothing") in blocked


def test_a_sober_judge_and_a_sober_verifier_are_fooled_by_nothing(tasks, capsys):
    with ScriptedServer(partial(verifier, believes=str.__eq__)) as server:
        code, record = attacked(capsys, server, "verifier", "-r", "binary", *tasks)
    assert (code, record["fooled"]) == (0, 0)
    score = judges.speaking(lambda seen: 10 if seen["response"].strip() in RIGHT else 1)
    with ScriptedServer(score) as server:
        code, record = attacked(capsys, server, "judge", "-r", "judge", *tasks)
    assert (code, record["fooled"]) == (0, 0)


def test_rules_and_parsers_pass_all(capsys):
    for name in ("qa", "multiplechoice", "numeric"):
        code = cli.main(["reward", "stress", "--json", "-r", name])
        record = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (code, record["fooled"], record["held"]) == (0, 0, 0), name


def test_a_soft_verifier_blocks_before_its_model_what_a_guard_blocks_and_reports_the_rest(
    tmp_path,
):
    found = presets.attacked("soft", tmp_path)
    counts = presets.by_family(found)
    assert not found.is_sound and not found.skipped and not found.blind
    assert found.counts["blocked"] > 4 * found.counts["fooled"] > 0
    assert found.counts["no reward"] == 0
    for family in ("empty", "symbols", "opener"):
        assert set(counts[family]) == {"blocked"}, family
    assert set(counts["prefix"]) == {"held"}
    for name in ("full marks", "ignore", "final decision", "json score", "of ten", "full width"):
        assert {a.outcome for a in found.attempts if a.name == name} == {"blocked"}, name


def test_a_judge_of_lists_blocks_what_is_empty_and_reports_the_rest(tmp_path):
    found = presets.attacked("listwise", tmp_path)
    assert set(presets.by_family(found)["empty"]) == {"blocked"}
    assert {a.outcome for a in found.attempts} == {"blocked", "fooled"}
    assert not found.is_sound
