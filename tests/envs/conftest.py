"""A policy that says what a test tells it to, in the tokens of a real chat template."""

from collections.abc import Callable, Iterator

import pytest

from guerdon.templates import ChatTemplate
from guerdon.tiny import END, TinyPolicy
from guerdon.types import Completion, Message, Model, Models, Sampling


class Speaker:
    """An engine whose replies are a list. ``cut`` ones end at the length limit, without an end
    token; after the last there is no room left. ``seeds`` are those it was asked with."""

    def __init__(self, template: ChatTemplate, replies: tuple[str, ...], cut: bool) -> None:
        self.template, self.cut = template, cut
        self._replies: Iterator[str] = iter(replies)
        self.seeds: list[int] = []

    async def generate(
        self, prompt: tuple[int, ...] | tuple[Message, ...], sampling: Sampling
    ) -> Completion:
        self.seeds.append(sampling.seed)
        text = next(self._replies, None)
        if text is None:
            return Completion("", finish_reason="length")
        tokens = self.template.tokenizer.encode(text + ("" if self.cut else END))
        reason = "length" if self.cut else "stop"
        return Completion(text, tuple(tokens), (-1.0,) * len(tokens), finish_reason=reason)


Script = Callable[..., Models]


@pytest.fixture(scope="session")
def script() -> Script:
    """``script("Left", "Up", cut=False, seed=0)``: models whose policy gives these replies."""
    template = ChatTemplate(TinyPolicy(words=["Left", "Down", "Right", "Up"]).tokenizer())

    def models(*replies: str, cut: bool = False, seed: int = 0) -> Models:
        sampling = Sampling(max_tokens=1, seed=seed)
        return {"policy": Model(Speaker(template, replies, cut), sampling)}

    return models
