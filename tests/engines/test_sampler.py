"""sample: the distribution it draws from, and the noise it draws with."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from guerdon.engines.sampler import likeliest, sample, uniforms
from guerdon.types import Sampling, derive_seed


def draw(logits: Tensor, sampling: Sampling, count: int) -> tuple[list[int], list[float]]:
    return sample(logits.expand(count, -1), [sampling] * count, range(count))


def test_noise_is_splitmix64() -> None:
    # the generator's published first outputs for seed 1234567, their upper 53 bits
    first = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    want = [(x >> 11) * 2.0**-53 for x in first]
    assert uniforms([1234567] * 3, range(3)).tolist() == want


def test_noise_depends_on_seed_and_index_only() -> None:
    seeds = [derive_seed(i) for i in range(50)]
    alone = [uniforms([seed], [i])[0] for i, seed in enumerate(seeds)]
    assert uniforms(seeds, range(50)).tolist() == alone


def test_noise_is_uniform_over_seeds_and_over_indices() -> None:
    for noise in (uniforms(range(20_000), [0] * 20_000), uniforms([7] * 20_000, range(20_000))):
        counts = np.histogram(noise, bins=10, range=(0, 1))[0]
        assert abs(counts - 2000).max() < 200  # 4.7 standard deviations


@pytest.mark.parametrize("vocabulary", [5, 300])
def test_frequencies_follow_the_softmax_at_the_temperature(vocabulary: int) -> None:
    logits = torch.linspace(-2, 2, vocabulary).roll(2).unsqueeze(0)
    tokens, logprobs = draw(logits, Sampling(temperature=0.5, seed=3), 40_000)
    want = (logits[0] / 0.5).softmax(-1)
    seen = torch.bincount(torch.tensor(tokens), minlength=vocabulary) / 40_000
    assert (seen - want).abs().max() < 0.012
    assert torch.allclose(torch.tensor(logprobs), want.log()[tokens], atol=1e-5)


def test_top_k_keeps_the_likeliest_and_renormalises() -> None:
    logits = torch.tensor([[0.1, 0.4, 0.3, 0.2]]).log()
    tokens, logprobs = draw(logits, Sampling(top_k=2), 500)
    assert set(tokens) == {1, 2}
    want = {1: np.log(0.4 / 0.7), 2: np.log(0.3 / 0.7)}
    assert np.allclose(logprobs, [want[t] for t in tokens], atol=1e-6)


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    logits = torch.tensor([[0.1, 0.4, 0.3, 0.2]]).log()
    tokens, logprobs = draw(logits, Sampling(top_p=0.6), 500)
    assert set(tokens) == {1, 2}
    tokens, _ = draw(logits, Sampling(top_p=0.75), 500)
    assert set(tokens) == {1, 2, 3}
    tokens, logprobs = draw(logits, Sampling(top_p=0.0), 50)
    assert set(tokens) == {1} and set(logprobs) == {0.0}


def test_rows_of_different_settings_do_not_disturb_each_other() -> None:
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    settings = [
        Sampling(seed=1),
        Sampling(temperature=0.0),
        Sampling(top_p=0.3, seed=2),
        Sampling(top_k=3, temperature=2.0, seed=3),
    ]
    together = sample(logits, settings, [0, 1, 2, 3])
    for row, sampling in enumerate(settings):
        token, logprob = sample(logits[row : row + 1], [sampling], [row])
        assert token == [together[0][row]]
        assert logprob == pytest.approx([together[1][row]], abs=1e-6)


def test_temperature_0_is_greedy_and_reports_temperature_1() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    tokens, logprobs = sample(logits, [Sampling(temperature=0.0)], [0])
    assert tokens == [1]
    assert logprobs == pytest.approx([float(logits[0].log_softmax(-1)[1])])


def test_a_token_without_probability_is_never_drawn() -> None:
    logits = torch.full((1, 400), -torch.inf)
    logits[0, [3, 127, 128, 200]] = 0.0
    tokens, logprobs = draw(logits, Sampling(), 2000)
    assert set(tokens) == {3, 127, 128, 200}
    assert np.allclose(logprobs, np.log(0.25))


def test_the_likeliest_tokens_are_those_of_temperature_1_before_any_cut() -> None:
    logits = torch.tensor([[0.1, 0.4, 0.3, 0.2], [0.7, 0.1, 0.1, 0.1], [0.2, 0.2, 0.5, 0.1]]).log()
    settings = [
        Sampling(temperature=3.0, top_k=1, top_logprobs=2),
        Sampling(),
        Sampling(temperature=0.0, top_logprobs=9),
    ]
    first, none, last = likeliest(logits, settings)
    assert [token for token, _ in first] == [1, 2] and none == ()
    assert [math.exp(logprob) for _, logprob in first] == pytest.approx([0.4, 0.3])
    assert sum(math.exp(logprob) for _, logprob in last) == pytest.approx(1.0)
    assert last[0][0] == 2 and len(last) == 4
