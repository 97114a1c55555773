"""What calls cost, by hand."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from guerdon.errors import ConfigError
from guerdon.llm.prices import FREE, Price, book_date, most_tokens, price_of
from guerdon.llm.reply import Usage


def test_cost_is_tokens_times_price_in_nano_dollars():
    price = Price(input=2.5, output=10.0)
    assert price.cost(Usage(1000, 200)) == 1000 * 2500 + 200 * 10_000
    assert price.most(1000, 200) == price.cost(Usage(1000, 200))


def test_prompt_tokens_the_server_had_cached_cost_their_own_price():
    price = Price(input=2.0, output=8.0, cached_input=0.5)
    assert price.cost(Usage(1000, 0, cached_in=600)) == 400 * 2000 + 600 * 500


def test_fractions_of_a_nano_dollar_are_rounded_up():
    assert Price(input=0.0001, output=0.0).cost(Usage(1, 0)) == 1
    assert Price(input=0.1, output=0.3).cost(Usage(3, 3)) == 1200


def test_free_costs_nothing():
    assert FREE.most(10**9, 10**9) == 0


def test_a_negative_price_is_refused():
    with pytest.raises(ConfigError, match="negative"):
        Price(input=-1.0, output=1.0)


def test_shipped_prices_are_dated_and_known_by_host_and_model():
    assert date.fromisoformat(book_date()) <= date.today()
    assert price_of("gpt-4.1-mini", "api.openai.com") == Price(0.4, 1.6, 0.1)
    assert price_of("gpt-4.1-mini", "elsewhere.example") is None
    assert price_of("nobody", "api.openai.com") is None


@given(st.lists(st.text(), max_size=4))
def test_most_tokens_bounds_a_tokenizer_that_knows_bytes_only(texts):
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_tokens(sorted(pre_tokenizers.ByteLevel.alphabet()))
    assert sum(len(core.encode(text).ids) for text in texts) <= most_tokens(texts)
