"""Math: verdicts, failures, hostile answers, and no process left behind."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.answers import same_number
from guerdon.rewards.math import Math
from guerdon.types import Reward, Task

GSM8K = Path(__file__).parents[3] / "shared/data/gsm8k_model_solutions"


@pytest.fixture(scope="module")
def math() -> Iterator[Math]:
    reward = Math(num_workers=1, limit_s=20.0)
    yield reward
    reward.close()


def score(reward: Math, gold: str | None, response: str) -> Reward:
    return asyncio.run(reward(Task("t", (), answer=gold), response, {}))


def children() -> set[int]:
    """Processes whose parent is this one, zombies included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.mark.parametrize(
    ("gold", "response", "worth"),
    [
        ("72", r"\boxed{72}", 1),
        ("72", "no box, #### 72", 1),
        ("72", r"\boxed{73}", 0),
        ("… so 70 + 2\n#### 72", "The answer is 72.0", 1),
        (r"\frac{1}{2}", r"\boxed{0.5}", 1),
        (r"\frac{1}{2}", r"\boxed{\dfrac{2}{4}}", 1),
        ("x^2+2x+1", r"\boxed{(x+1)^2}", 1),
        ("x^2+2x+1", r"\boxed{(x+2)^2}", 0),
        ("[-2,7]", r"\boxed{x \in [-2,7]}", 1),
        (r"18\%", r"\boxed{18}", 1),
        ("5", r"\boxed{5 \text{ apples}}", 1),
        ("a + b + c", r"\boxed{c+b+a}", 1),
        (r"\sqrt{8}", r"\boxed{2\sqrt2}", 1),
    ],
)
def test_an_answer_is_right_when_it_equals_the_reference_in_value(
    math: Math, gold: str, response: str, worth: float
) -> None:
    assert score(math, gold, response).value == worth


def test_no_answer_is_wrong_and_says_so(math: Math) -> None:
    assert score(math, "72", "I do not know.") == Reward(0.0, note="no final answer found")


def test_an_answer_that_does_not_parse_is_wrong_and_says_so(math: Math) -> None:
    reward = score(math, "72", r"\boxed{\frac{7}{}{}{}^^}")
    assert reward.value == 0 and "does not parse" in reward.note


def test_an_answer_of_thousands_of_characters_is_wrong_without_a_worker() -> None:
    reward = Math()
    assert score(reward, "x", "\\boxed{" + "x+" * 5000 + "1}").value == 0
    assert not reward._pool


@pytest.mark.parametrize("gold", [None, "", "  "])
def test_a_task_without_a_reference_is_an_error(math: Math, gold: str | None) -> None:
    with pytest.raises(RewardError, match="'t' has no reference answer"):
        score(math, gold, r"\boxed{1}")


def test_a_reference_that_does_not_parse_is_an_error_unless_the_answer_is_its_text(
    math: Math,
) -> None:
    gold = r"\frac{7}{}{}{}^^"
    with pytest.raises(RewardError, match="does not parse"):
        score(math, gold, r"\boxed{7}")
    assert score(math, gold, rf"\boxed{{{gold}}}").value == 1


def test_plain_numbers_start_no_process() -> None:
    reward = Math()
    assert [score(reward, "1,234", rf"\boxed{{{n}}}").value for n in ("1234", "1234.00", "7")] == [
        1,
        1,
        0,
    ]
    assert not reward._pool


def test_the_fast_path_agrees_with_math_verify(math: Math) -> None:
    rng = random.Random(0)
    numbers = [f"{rng.randint(-2000, 2000)}" for _ in range(10)]
    numbers += [f"{rng.uniform(-2000, 2000):.{rng.randint(1, 4)}f}" for _ in range(10)]
    numbers += ["5", "5.0", "05", "+5", "-0", "0", "1,234", "1234", "1,234,567.5", "99999999.5"]
    numbers += ["0.1", "0.100002", "0.1000021", "1000000000000", "1000000000001"]
    pairs = [(a, b) for a in numbers for b in rng.sample(numbers, 6)] + [(a, a) for a in numbers]
    decided = [(a, b) for a, b in pairs if same_number(a, b) is not None]
    asked: list[Future[list[str]]] = [math._ask(a, b) for a, b in decided]
    slow = [future.result() for future in asked]
    fast = [["gold", "right" if same_number(a, b) else "wrong"] for a, b in decided]
    assert len(decided) > 100 and slow == fast


def test_many_asked_at_once_do_not_block_the_loop_and_equal_answers_are_verified_once() -> None:
    async def play(reward: Math) -> tuple[list[Reward], int]:
        task = Task("t", (), answer="x+1")
        waiting = asyncio.gather(*(reward(task, r"\boxed{1+x}", {}) for _ in range(50)))
        ticks = 0
        while not waiting.done():
            ticks += 1
            await asyncio.sleep(0.005)
        return await waiting, ticks

    reward = Math(num_workers=1, limit_s=20.0)
    rewards, ticks = asyncio.run(play(reward))
    assert {each.value for each in rewards} == {1.0}
    assert ticks > 5 and len(reward._asked) == 1
    reward.close()


def test_cancelling_one_rollout_leaves_the_answer_to_the_others() -> None:
    async def play(reward: Math) -> float:
        task = Task("t", (), answer="x+1")
        first = asyncio.create_task(reward(task, r"\boxed{1+x}", {}))
        second = asyncio.create_task(reward(task, r"\boxed{1+x}", {}))
        await asyncio.sleep(0.01)
        first.cancel()
        return (await second).value

    reward = Math(num_workers=1, limit_s=20.0)
    assert asyncio.run(play(reward)) == 1
    reward.close()


SLOW = ["9^{9^{9^{9}}}", "(10^{10})!", "9" * 1_000_000]
HOSTILE = [
    "9**9**9**9",
    "(" * 100 + "1" + ")" * 100,
    r"\frac{1}{" * 100_000 + "}" * 100_000,
    "{" * 1_000_000,
    r"\boxed{" * 100_000,
    "$" * 100_000,
    "answer is" * 100_000,
    "\x00\ud800",
]


@needs_proc
def test_hostile_answers_end_in_wrong_or_an_error_and_leave_no_process() -> None:
    before = children()
    reward = Math(num_workers=2, limit_s=0.5, memory_mb=512)
    patient = Math(num_workers=2, limit_s=0.5, memory_mb=512, max_chars=2_000_000)
    texts = [rf"\boxed{{{text}}}" for text in HOSTILE]
    texts += [f"the answer is {text}" for text in HOSTILE]
    task = Task("t", (), answer="7")

    async def all_of_them() -> list[Reward | BaseException]:
        asked = [reward(task, text, {}) for text in texts]
        asked += [patient(task, rf"\boxed{{{text}}}", {}) for text in SLOW]
        return await asyncio.gather(*asked, return_exceptions=True)

    outcomes = asyncio.run(all_of_them())
    for outcome in outcomes:
        assert isinstance(outcome, RewardError) or outcome.value == 0  # type: ignore[union-attr]
    assert all(isinstance(outcome, RewardError) for outcome in outcomes[-len(SLOW) :])
    assert len(children() - before) <= 4
    reward.close()
    patient.close()
    assert children() == before


def test_what_a_time_out_means_is_a_choice() -> None:
    bomb = r"\boxed{9^{9^{9^{9}}}}"
    wrong = Math(num_workers=1, limit_s=0.3, on_timeout="wrong")
    assert "could not be checked" in score(wrong, "7", bomb).note
    wrong.close()
    error = Math(num_workers=1, limit_s=0.3)
    with pytest.raises(RewardError, match=r"could not compare .* in 0.3 s"):
        score(error, "7", bomb)
    error.close()


def test_a_killed_worker_is_replaced(math: Math) -> None:
    assert score(math, "x+1", r"\boxed{x+1.0}").value == 1
    next(iter(math._pool[0]._live))._process.kill()
    assert score(math, "x+2", r"\boxed{x+2.0}").value == 1


def test_a_reference_that_cannot_be_read_is_an_error_even_if_time_outs_are_wrong() -> None:
    reward = Math(num_workers=1, limit_s=0.3, on_timeout="wrong")
    with pytest.raises(RewardError, match=r"reference answer .* could not be read in"):
        score(reward, "(" * 3000 + "1" + ")" * 3000, r"\boxed{x}")
    reward.close()


@needs_proc
def test_a_dropped_reward_takes_its_processes_with_it() -> None:
    before = children()
    reward = Math(num_workers=1, limit_s=20.0)
    assert score(reward, "x+1", r"\boxed{1+x}").value == 1
    assert len(children() - before) == 1
    del reward
    assert children() == before


@needs_proc
def test_a_worker_busy_with_a_bomb_dies_with_a_killed_parent() -> None:
    program = (
        "import asyncio; from guerdon.rewards.math import Math; from guerdon.types import Task\n"
        "reward = Math(num_workers=1, limit_s=60.0)\n"
        "asyncio.run(reward(Task('t', (), answer='x+1'), r'\\boxed{1+x}', {}))\n"
        "print(next(iter(reward._pool[0]._live))._process.pid, flush=True)\n"
        "asyncio.run(reward(Task('t', (), answer='x'), r'\\boxed{9^{9^{9^{9}}}}', {}))\n"
    )
    path = os.pathsep.join(sys.path)
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert parent.stdout
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        if not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text():
            return
        time.sleep(0.05)
    pytest.fail(f"worker {worker} outlived its parent")


def test_a_setting_that_cannot_work_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="limit_s must be above 0"):
        Math(limit_s=0.0)


def test_on_labelled_gsm8k_solutions_the_verdict_is_the_label() -> None:
    path = GSM8K / "example_model_solutions.jsonl"
    if not path.exists():
        pytest.skip(f"needs {path.name} of gsm8k_model_solutions in ../shared/data")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    labelled = [
        (row["ground_truth"], given["solution"], given["is_correct"])
        for row in rows
        for given in row.values()
        if isinstance(given, dict)
    ]
    reward = Math(num_workers=1, limit_s=20.0)
    verdicts = [score(reward, gold, text).value == 1 for gold, text, _ in labelled]
    reward.close()
    right = sum(
        verdict and label for verdict, (_, _, label) in zip(verdicts, labelled, strict=True)
    )
    assert right / sum(verdicts) >= 0.995  # precision
    assert right / sum(label for _, _, label in labelled) >= 0.98  # recall
