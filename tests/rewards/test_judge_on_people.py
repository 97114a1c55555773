"""The whole judge pipeline over pairs that people compared, with judges whose faults are known."""

import asyncio
import random
from pathlib import Path

import pytest

from guerdon.data.labelled import llmbar, pandalm
from guerdon.engines.remote import RemoteEngine
from guerdon.llm.testing import ScriptedServer
from guerdon.rewards.compare import Pairwise
from guerdon.rewards.order_bias import order_report
from guerdon.rewards.sealed import visible
from guerdon.types import Model, Sampling
from judges import speaking

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


def compared(pairs, judge):
    """Every pair through client, server, prompt and parser, in both orders."""

    async def run(url):
        engine = RemoteEngine("scripted", base_url=url, price="free")
        models = {"judge": Model(engine, Sampling(temperature=0.0))}
        jobs = [Pairwise().compare(pair.task, *pair.responses, models) for pair in pairs]
        found = await asyncio.gather(*jobs)
        await engine.close()
        return found

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
    report = order_report(found, [pair.label for pair in pairs])
    assert (report.accuracy, report.flip_rate, report.position_bias) == (1.0, 0.0, 0.0)


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

    report = order_report(compared(pairs, judge), [pair.label for pair in pairs])
    # three standard errors of a share of n = 2 x 611 verdicts are 0.043 and less
    p1, p2 = BIAS + (1 - BIAS) * (1 - NOISE), BIAS + (1 - BIAS) * NOISE
    assert report.position_bias == pytest.approx(BIAS, abs=0.08)
    assert report.noise == pytest.approx(NOISE, abs=0.06)
    assert report.flip_rate == pytest.approx(p1 * p2 + (1 - p1) * (1 - p2), abs=0.06)
    assert report.accuracy == pytest.approx((p1 + 1 - p2) / 2, abs=0.05)
    assert report.call_accuracy == pytest.approx(report.accuracy)
