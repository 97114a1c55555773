"""The whole judge pipeline over pairs that people compared, with judges whose faults are known."""

import asyncio
import random
from pathlib import Path

import pytest

from guerdon.data.labelled import llmbar, pandalm
from guerdon.engines.remote import RemoteEngine
from guerdon.engines.scripted import ScriptedEngine
from guerdon.llm.testing import ScriptedServer
from guerdon.rewards.compare import Pairwise
from guerdon.rewards.sealed import unseal, visible
from guerdon.trust.calibration import order_effect
from guerdon.trust.scoring import Case
from guerdon.types import Model, Sampling
from judges import speaking, verdict

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")


def shown(response):
    """What a judge sees of a response."""
    return visible(response.strip())


def oracle(pairs):
    """A judge that knows the labels, and finds them by what it is shown."""
    better = {}
    for pair in pairs:
        first, second = map(shown, pair.responses)
        question = visible(pair.task.prompt[0]["content"])
        better[question, first, second] = pair.label
        better[question, second, first] = {"1": "2", "2": "1"}.get(pair.label, "tie")
    return lambda seen: better[seen["question"], seen["response_1"], seen["response_2"]]


async def compare(pairs, engine):
    """Every pair through prompt and parser, in both orders."""
    models = {"judge": Model(engine, Sampling(temperature=0.0))}
    jobs = [Pairwise().compare(pair.task, *pair.responses, models) for pair in pairs]
    return await asyncio.gather(*jobs)


def compared(pairs, judge):
    """By a judge in this process."""

    def reply(prompt):
        return verdict(prompt[1]["content"], judge(unseal(prompt[1]["content"])))

    return asyncio.run(compare(pairs, ScriptedEngine(reply)))


def compared_over_http(pairs, judge):
    """By a judge behind a server."""

    async def run(url):
        engine = RemoteEngine("scripted", base_url=url, price="free")
        try:
            return await compare(pairs, engine)
        finally:
            await engine.close()

    with ScriptedServer(speaking(judge)) as server:
        return asyncio.run(run(server.url))


def distinct(pairs):
    """Each question and pair of responses once: an oracle cannot give it two labels."""
    seen = {}
    for pair in pairs:
        texts = sorted(map(shown, pair.responses))
        if texts[0] != texts[1]:
            seen.setdefault((pair.task.id, *texts), pair)
    return list(seen.values())


@pytest.mark.parametrize(("reader", "name"), [(llmbar, "llmbar"), (pandalm, "pandalm")])
def test_a_judge_that_agrees_with_people_is_reported_as_right(reader, name):
    pairs = distinct(reader.read(DATA / name))
    assert len(pairs) > 550
    found = compared(pairs, oracle(pairs))
    assert [one.winner for one in found] == [pair.label for pair in pairs]
    report = order_effect(
        [Case(pair, compared=one) for pair, one in zip(pairs, found, strict=True)]
    )
    assert (report.flips.value, report.position_bias, report.noise) == (0.0, 0.0, 0.0)
    assert compared_over_http(pairs[::10], oracle(pairs)) == found[::10]


BIAS, NOISE = 0.3, 0.15


def test_the_report_recovers_the_bias_and_the_noise_of_a_judge():
    pairs = [pair for pair in distinct(llmbar.read(DATA / "llmbar")) if pair.label != "tie"]
    right = oracle(pairs)

    def judge(seen):
        drawn = random.Random(repr(sorted(seen.items())))
        if drawn.random() < BIAS:
            return "1"
        truth = right(seen)
        return {"1": "2", "2": "1"}[truth] if drawn.random() < NOISE else truth

    found = compared(pairs, judge)
    report = order_effect(
        [Case(pair, compared=one) for pair, one in zip(pairs, found, strict=True)]
    )
    # three standard errors of a share of n = 2 x 611 verdicts are 0.043 and less
    p1, p2 = BIAS + (1 - BIAS) * (1 - NOISE), BIAS + (1 - BIAS) * NOISE
    assert report.position_bias == pytest.approx(BIAS, abs=0.08)
    assert report.noise == pytest.approx(NOISE, abs=0.06)
    assert report.flips.value == pytest.approx(p1 * p2 + (1 - p1) * (1 - p2), abs=0.06)
    right_share = sum(one.winner == pair.label for one, pair in zip(found, pairs, strict=True))
    ties = sum(one.winner == "tie" for one in found)
    accuracy = (right_share + ties / 2) / len(pairs)
    assert accuracy == pytest.approx((p1 + 1 - p2) / 2, abs=0.05)
