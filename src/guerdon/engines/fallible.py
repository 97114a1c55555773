"""FallibleEngine: an executor for practice: a scripted model behind a real server, in this process.

Its words are `fallible_model.FallibleModel`'s; they come through HTTP, client, cache and ledger
like those of any other model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from guerdon.engines.fallible_model import FallibleModel, Skill
from guerdon.engines.remote import RemoteEngine
from guerdon.errors import ConfigError
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.prices import Price
from guerdon.llm.testing import Fault, ScriptedServer, random_faults
from guerdon.tasks import TaskSource
from guerdon.types import Completion, Message, Sampling

SMALL_MODEL = Price(0.15, 0.6)
"""What a small commercial model costs."""


class FallibleEngine:
    """The model behind an OpenAI-compatible server on loopback, started at the first call.

    Args:
        tasks: whose answers it knows, training and held-out ones.
        skills: see `FallibleModel`.
        garbled: the share of replies that follow no form.
        faults: the share of calls that fail on the way, by kind; see `llm.testing.Fault`.
        latency_s: what each call takes.
        price: of its tokens, which are words.
        operators: as in the environment.
        seed: decides all its mistakes.
        role, cache, ledger: given by the run.
    """

    template = None

    def __init__(
        self,
        *,
        tasks: TaskSource,
        skills: Mapping[str, Skill],
        garbled: float = 0.0,
        faults: Mapping[Fault, float] | None = None,
        latency_s: float = 0.0,
        price: Price | Literal["free"] = SMALL_MODEL,
        operators: tuple[str, ...] = (),
        seed: int = 0,
        max_concurrent: int = 64,
        role: str | None = None,
        cache: Cache | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        if not skills:
            raise ConfigError("FallibleEngine: skills is empty; give at least default: {}")
        self.server: ScriptedServer | None = None
        self._tasks, self._skills, self._price = tasks, skills, price
        self._options: dict[str, Any] = {"garbled": garbled, "seed": seed, "operators": operators}
        self._faults, self._latency_s = dict(faults or {}), latency_s
        self._remote: dict[str, Any] = {"max_concurrent": max_concurrent, "role": role}
        self._remote |= {"cache": cache, "ledger": ledger}
        self._engine: RemoteEngine | None = None

    async def generate(
        self, prompt: tuple[int, ...] | tuple[Message, ...], sampling: Sampling
    ) -> Completion:
        """Sample one completion; see `types.Engine`."""
        engine = self._engine or self._start()
        return await engine.generate(prompt, sampling)

    async def close(self) -> None:
        """Stop the server; it also ends with this process."""
        if self._engine is not None and self.server is not None:
            await self._engine.close()
            await self.server.__aexit__()
        self._engine = self.server = None

    def _start(self) -> RemoteEngine:
        sets = self._tasks.load(lambda messages: 0)
        model = FallibleModel([*sets.train, *sets.held_out], self._skills, **self._options)
        faults = random_faults(self._faults, self._options["seed"]) if self._faults else None
        server = ScriptedServer(
            model, model="fallible", latency_s=self._latency_s, faults=faults, remember=False
        )
        self.server = server.__enter__()
        self._engine = RemoteEngine(
            "fallible", base_url=server.url, price=self._price, **self._remote
        )
        return self._engine
