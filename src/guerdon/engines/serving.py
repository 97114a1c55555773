"""Answer OpenAI's protocol from an engine in this process: what `guerdon serve` runs.

The engine's continuous batch takes in requests as they come. A stream starts when the reply is
complete: engines answer whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from guerdon.errors import ConfigError, EngineError
from guerdon.llm.answers import Answer
from guerdon.llm.asks import Ask, Rejected, wants_logprobs
from guerdon.templates import ChatTemplate
from guerdon.types import Completion, Engine


class EngineAnswers:
    """Answers requests from an engine that samples tokens.

    Args:
        engine: of this process.
        template: renders messages, and cuts replies into tokens.
    """

    def __init__(self, engine: Engine, template: ChatTemplate) -> None:
        self.engine, self.template = engine, template

    async def __call__(self, ask: Ask) -> Answer:
        """The reply of the engine.

        Raises:
            Rejected: the prompt is too long or malformed, or the engine failed.
        """
        tokens = self._tokens(ask)
        try:
            completion = await self.engine.generate(tokens, ask.sampling)
        except EngineError as error:
            raise Rejected(500, str(error), "engine_error") from None
        if completion.finish_reason == "length" and not completion.token_ids:
            raise Rejected(
                400,
                f"the prompt has {len(tokens)} tokens, which is beyond the maximum context length",
                "context_length_exceeded",
            )
        return self._answer(ask, completion, len(tokens))

    def _tokens(self, ask: Ask) -> tuple[int, ...]:
        if isinstance(ask.prompt, tuple):
            vocabulary = len(self.template.tokenizer)
            if not all(0 <= token < vocabulary for token in ask.prompt):
                raise Rejected(400, f"token ids must be from 0 to {vocabulary - 1}")
            return ask.prompt
        try:
            if ask.messages:
                return self.template.start(ask.messages)
        except ConfigError as error:
            raise Rejected(400, str(error)) from None
        specials = ask.body.get("add_special_tokens", True)
        tokens = self.template.tokenizer(ask.prompt, add_special_tokens=specials)["input_ids"]
        if not tokens:
            raise Rejected(400, "the prompt is empty")
        return tuple(tokens)

    def _answer(self, ask: Ask, completion: Completion, tokens_in: int) -> Answer:
        text, stop = _before_stop(completion.text, ask.sampling.stop)
        ids = completion.token_ids
        said = ids[:-1] if ids and ids[-1] in self.template.stop_ids else ids
        wanted = ask.body.get("stream") or wants_logprobs(ask.body)
        pieces = _up_to(text, self.template.pieces(said)) if wanted else ()
        return Answer(
            text=text,
            finish_reason=completion.finish_reason,
            tokens_in=tokens_in,
            tokens_out=len(ids),
            pieces=pieces,
            logprobs=completion.logprobs[: len(pieces)],
            likeliest=tuple(place.likeliest for place in completion.places[: len(pieces)]),
            stop_reason=stop,
        )


def _up_to(text: str, pieces: Sequence[str]) -> tuple[str, ...]:
    """The pieces that the text consists of; the last one may be cut."""
    kept: list[str] = []
    left = text
    for piece in pieces:
        if not left:
            break
        kept.append(left[: len(piece)])
        left = left[len(piece) :]
    return tuple(kept)


def _before_stop(text: str, stops: Sequence[str]) -> tuple[str, str | None]:
    """The text before the first stop string in it, and that string."""
    found = [(at, stop) for stop in stops if (at := text.find(stop)) >= 0]
    if not found:
        return text, None
    at, stop = min(found)
    return text[:at], stop
