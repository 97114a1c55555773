"""attention_with_lse: the same on every device."""

import torch

from guerdon.engines.cached_attention import attention_with_lse


def test_attention_and_its_lse_are_the_textbook_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(3, 2, n, 8, generator=generator) for n in (5, 7, 7))
    mask = torch.zeros(3, 1, 5, 7)
    mask[:, :, :, 4:] = -1e30
    scores = (0.3 * query @ key.transpose(-1, -2)) + mask
    out, lse = attention_with_lse(query, key, value, mask, 0.3)
    assert torch.allclose(out, scores.softmax(-1) @ value, atol=1e-6)
    assert torch.allclose(lse, scores.logsumexp(-1), atol=1e-5)
    same, _ = attention_with_lse(query, key[:, :, :4], value[:, :, :4], None, 0.3)
    assert torch.allclose(out, same, atol=1e-6)


def test_a_query_that_sees_nothing_has_no_weight_and_no_nan() -> None:
    query = key = value = torch.ones(1, 1, 2, 4)
    out, lse = attention_with_lse(query, key, value, torch.full((1, 1, 2, 2), -1e30), 1.0)
    assert torch.isfinite(out).all()
    assert (lse < -1e29).all()
