"""RemoteEngine: a model behind any server that speaks OpenAI's protocol, as an `Engine`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from guerdon.errors import ConfigError, RefusalError
from guerdon.llm.cache import Cache, canonical
from guerdon.llm.client import Client, Patience, Request
from guerdon.llm.endpoint import OPENAI_URL, Address, Kind
from guerdon.llm.ledger import Ledger
from guerdon.llm.prices import FREE, Price, book_date, most_tokens, price_of
from guerdon.types import Completion, FinishReason, Message, Sampling

_RESERVED = {"model", "messages", "prompt", "response_format", "n", "best_of", "stream", "seed"}
_RESERVED |= {"max_tokens", "max_completion_tokens"}
"""Fields that cache, budget and limits rely on."""


class RemoteEngine:
    """Text in, text out: the server has its own tokenizer and chat template.

    Requests that differ in ``sampling.seed`` only are independent samples: they have different
    places in the cache, and the seed is sent. At temperature 0 there is one sample. A reply does
    not contain the stop string that ended it, unless the server names it (``stop_reason``).

    Args:
        model: its name on the server.
        base_url: up to and without ``/chat/completions``; several addresses of the same model are
            called least loaded first.
        api_key_env: the environment variable that holds the key; None: the server wants none.
        revision: change it when the model behind the name changes, so that the cache notices.
        price: ``free``, or US dollars per million tokens; None: what the shipped list says.
        timeout_s, max_attempts, total_s: how long to try; see `llm.client.Patience`.
        max_concurrent, requests_per_minute, tokens_per_minute: limits of each server.
        stream: for servers that only answer in pieces.
        send_seed: False for servers that refuse the field.
        supports_schema: whether the server can be held to a JSON schema.
        max_tokens_field: ``max_completion_tokens`` for servers that call it so.
        extra: further fields of every request (``{"reasoning_effort": "low"}``); null removes one.
        role: the model's name in `models`; given by the run.
        cache, ledger: given by the run; None: no cache, and a ledger in memory.

    Raises:
        ConfigError: an address, a key or a price is missing.
    """

    template = None

    def __init__(
        self,
        model: str,
        *,
        base_url: str | list[str] = OPENAI_URL,
        api_key_env: str | None = None,
        revision: str = "",
        price: Price | Literal["free"] | None = None,
        timeout_s: float = 60.0,
        max_attempts: int = 5,
        total_s: float = 300.0,
        max_concurrent: int = 64,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        stream: bool = False,
        send_seed: bool = True,
        supports_schema: bool = False,
        max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
        extra: Mapping[str, Any] | None = None,
        role: str | None = None,
        cache: Cache | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        addresses = [
            Address(
                base_url=url,
                api_key_env=api_key_env,
                max_concurrent=max_concurrent,
                requests_per_minute=requests_per_minute,
                tokens_per_minute=tokens_per_minute,
            )
            for url in ([base_url] if isinstance(base_url, str) else base_url)
        ]
        found = _price(price, model, addresses)
        problems = [line for address in addresses for line in address.problems()]
        problems += [] if isinstance(found, Price) else [found]
        problems += [] if addresses else ["base_url: is an empty list; name a server"]
        taken = sorted(_RESERVED & set(extra or ()))
        problems += [f"extra.{name}: cannot be set here" for name in taken]
        if problems:
            raise ConfigError(list(dict.fromkeys(problems)))
        assert isinstance(found, Price)
        self.supports_schema = supports_schema
        self._stream, self._send_seed = stream, send_seed
        self._max_tokens_field, self._extra = max_tokens_field, dict(extra or {})
        self.client = Client(
            model,
            addresses,
            found,
            role=role or "model",
            revision=revision,
            patience=Patience(timeout_s=timeout_s, max_attempts=max_attempts, total_s=total_s),
            cache=cache,
            ledger=ledger,
        )

    @property
    def model(self) -> str:
        """Its name on the server."""
        return self.client.model

    async def generate(
        self,
        prompt: tuple[int, ...] | tuple[Message, ...],
        sampling: Sampling,
        *,
        schema: Mapping[str, Any] | None = None,
        stream: bool | None = None,
    ) -> Completion:
        """Sample one completion; see `types.Engine`. Token ids go to ``/completions`` as they are.

        Args:
            prompt: messages, or token ids of the server's own tokenizer.
            sampling: top_k is sent only if set; not every server knows it.
            schema: a JSON schema the reply must follow.
            stream: None: as the engine was told.

        Raises:
            RefusalError: the model or its server declined.
            TransportError: no answer came.
            BudgetExceeded, CacheMiss: see `llm.client.Client.ask`.
        """
        if prompt and isinstance(prompt[0], int):
            ids = {"prompt": list(prompt)}
            return await self._sample("completion", ids, len(prompt), sampling, stream)
        messages = [
            {"role": message["role"], "content": _sendable(message["content"])}  # type: ignore[index]
            for message in prompt
        ]
        fields: dict[str, Any] = {"messages": messages}
        num_extra = 0
        if schema is not None:
            fields["response_format"] = self._response_format(schema)
            num_extra = len(canonical(fields["response_format"]))
        most = most_tokens([message["content"] for message in messages], extra=num_extra)
        return await self._sample("chat", fields, most, sampling, stream)

    async def complete(self, prompt: str, sampling: Sampling) -> Completion:
        """Continue a raw text, without any chat template.

        Raises:
            As `generate`.
        """
        text = _sendable(prompt)
        return await self._sample("completion", {"prompt": text}, most_tokens([text]), sampling)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

    async def _sample(
        self,
        kind: Kind,
        fields: dict[str, Any],
        prompt_tokens: int,
        sampling: Sampling,
        stream: bool | None = None,
    ) -> Completion:
        is_random = sampling.temperature > 0
        parameters = self._parameters(sampling) | _logprobs(kind, sampling.top_logprobs)
        body = {"model": self.client.model, **fields, **parameters, **self._extra}
        body["stream"] = (self._stream if stream is None else stream) or None
        request = Request(
            kind=kind,
            body={name: value for name, value in body.items() if value is not None},
            max_tokens=sampling.max_tokens,
            prompt_tokens=prompt_tokens,
            sample=sampling.seed if is_random else 0,
        )
        reply = await self.client.ask(request)
        if reply.outcome == "refused":
            raise RefusalError(
                f"{self.client.role} {self.client.model!r} declined: {reply.text[:200]!r}"
            )
        reason: FinishReason = "stop" if reply.outcome == "ok" else "length"
        return Completion(reply.text, finish_reason=reason, places=reply.places)

    def _parameters(self, sampling: Sampling) -> dict[str, Any]:
        """The fields of a request; what is off is left out."""
        return {
            self._max_tokens_field: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p if sampling.top_p < 1 else None,
            "top_k": sampling.top_k or None,
            "stop": list(sampling.stop) or None,
            "seed": sampling.seed if self._send_seed and sampling.temperature > 0 else None,
        }

    def _response_format(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        if not self.supports_schema:
            raise ConfigError(
                f"models.{self.client.role}.engine.supports_schema: is false, and a reply by JSON "
                f"schema was asked for; set it if the server has structured output"
            )
        named = {"name": "reply", "strict": True, "schema": dict(schema)}
        return {"type": "json_schema", "json_schema": named}


def _logprobs(kind: Kind, number: int) -> dict[str, Any]:
    """The fields that ask for so many of the likeliest tokens at each place."""
    if not number:
        return {}
    return {"logprobs": True, "top_logprobs": number} if kind == "chat" else {"logprobs": number}


def _price(
    given: Price | Literal["free"] | None, model: str, addresses: Sequence[Address]
) -> Price | str:
    """The price, or what is wrong. Of several servers the dearest counts."""
    if given is not None:
        return FREE if given == "free" else given
    found = [price_of(model, address.host) for address in addresses]
    known = [price for price in found if price is not None]
    if known and len(known) == len(found):
        return max(known, key=lambda price: (price.output, price.input))
    hosts = ", ".join(sorted({address.host for address in addresses}))
    return (
        f"price: none known for model {model!r} at {hosts} (list of {book_date()}); set "
        f"price={{input: USD, output: USD}} per million tokens, or price=free"
    )


def _sendable(text: str) -> str:
    """The text with half characters, which JSON can hold but UTF-8 cannot, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
