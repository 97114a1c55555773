"""VllmEngine: a model that only answers, in a `vllm serve` of this run.

The server is a child process on loopback. It starts at the first call, is asked by a `RemoteEngine`
like any other server, and ends with this process. vLLM itself is never imported, so it may be
installed elsewhere (``executable``).

The tests run a double that takes the flags of vLLM 0.33's parser that are used here and no others;
the engine has not been run on a GPU.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from guerdon.engines.remote import RemoteEngine
from guerdon.engines.vllm_server import VllmServer, arguments
from guerdon.errors import ConfigError, TransportError
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.types import Completion, Message, Sampling

_OURS = {"model", "host", "port", "uds", "api_key", "served_model_name", "config"}
_OURS |= {"dtype", "default_chat_template_kwargs", "max_model_len", "gpu_memory_utilization"}
_OURS |= {"tensor_parallel_size"}
"""Flags that are not for ``extra_args``."""

_LOOK_EVERY_S = 1.0


class VllmEngine:
    """Asks a model in vLLM. What is sampled is what the call says: the model's own
    ``generation_config.json`` changes nothing.

    Args:
        path, dtype, template_options: those of the model; given by the run.
        max_model_len: tokens of prompt and reply together; None: the model's.
        gpu_memory_utilization: share of each GPU's memory; None: vLLM's, which is nearly all. On a
            GPU shared with the policy say what is left.
        tensor_parallel_size: GPUs for one copy of the model.
        devices: which GPUs ("0,1"), as in CUDA_VISIBLE_DEVICES; None: those we see.
        extra_args: further flags of `vllm serve` by name; true and false switch, null leaves out.
        env: further environment variables of the server.
        executable: a name on the PATH or beside this Python, or the program's file.
        start_s: how long it may take to load.
        timeout_s, max_attempts, total_s, max_concurrent: of the client; see `RemoteEngine`.
        folder: for the server's log, ``vllm_ROLE.log``; given by the run. None: a temporary one.
        role, cache, ledger: given by the run.

    Raises:
        ConfigError: vLLM is not installed, or a flag is not for ``extra_args``.
    """

    template = None
    supports_schema = True

    def __init__(
        self,
        path: str,
        *,
        dtype: str = "auto",
        template_options: Mapping[str, Any] | None = None,
        max_model_len: int | None = None,
        gpu_memory_utilization: float | None = None,
        tensor_parallel_size: int = 1,
        devices: str | None = None,
        extra_args: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        executable: str = "vllm",
        start_s: float = 1200.0,
        timeout_s: float = 300.0,
        max_attempts: int = 5,
        total_s: float = 900.0,
        max_concurrent: int = 256,
        folder: Path | None = None,
        role: str | None = None,
        cache: Cache | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        flags = {
            "dtype": dtype,
            "tensor_parallel_size": tensor_parallel_size,
            "max_model_len": max_model_len,
            "gpu_memory_utilization": gpu_memory_utilization,
            "default_chat_template_kwargs": dict(template_options or {}) or None,
            "generation_config": "vllm",
            "disable_uvicorn_access_log": True,
        }
        given = {name.replace("-", "_"): value for name, value in (extra_args or {}).items()}
        problems = [
            f"extra_args.{name}: cannot be set here; it is the engine's, or a field of its own"
            for name in sorted(_OURS & given.keys())
        ]
        beside = str(Path(sys.executable).parent)  # this environment need not be on the PATH
        program = shutil.which(executable) or shutil.which(executable, path=beside)
        if program is None:
            problems.append(
                f"executable: there is no program {executable!r}; vLLM is not installed: pip "
                f"install 'guerdon[vllm]', or name the vllm of another environment"
            )
        if problems:
            raise ConfigError(problems)
        self.model = path
        """Its name on the server."""
        self.server: VllmServer | None = None
        """Running from the first call on."""
        self._command = [str(program), "serve", path, *arguments(flags | given)]
        self._env = {"VLLM_NO_USAGE_STATS": "1"}
        self._env |= {} if devices is None else {"CUDA_VISIBLE_DEVICES": devices}
        self._env |= env or {}
        self._start_s, self._role, self._folder = start_s, role or "model", folder
        self._key_env = f"GUERDON_VLLM_KEY_{secrets.token_hex(8)}"
        self._client: dict[str, Any] = {
            "timeout_s": timeout_s,
            "max_attempts": max_attempts,
            "total_s": total_s,
            "max_concurrent": max_concurrent,
            "role": role,
            "cache": cache,
            "ledger": ledger,
        }
        self._remote: RemoteEngine | None = None
        self._starting: asyncio.Task[RemoteEngine] | None = None

    async def generate(
        self,
        prompt: tuple[int, ...] | tuple[Message, ...],
        sampling: Sampling,
        **options: Any,
    ) -> Completion:
        """Sample one completion; see `RemoteEngine.generate`.

        Raises:
            EngineError: the server did not start.
            TransportError: it ended, or no answer came.
        """
        remote = await self._ready()
        return await self._unless_gone(remote.generate(prompt, self._fitting(sampling), **options))

    async def complete(self, prompt: str, sampling: Sampling) -> Completion:
        """Continue a raw text, without any chat template.

        Raises:
            As `generate`.
        """
        remote = await self._ready()
        return await self._unless_gone(remote.complete(prompt, self._fitting(sampling)))

    async def close(self) -> None:
        """Stop the server."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        if self._remote is not None:
            await self._remote.close()
        if self.server is not None:
            await self.server.stop()
        self._starting = self._remote = self.server = None
        os.environ.pop(self._key_env, None)

    async def _ready(self) -> RemoteEngine:
        """The client of the server, which all first calls wait for. A failed start is final."""
        if self._starting is None or self._starting.cancelled():
            self._starting = asyncio.get_running_loop().create_task(self._start())
        remote = await asyncio.shield(self._starting)
        assert self.server is not None
        self.server.check()
        return remote

    async def _start(self) -> RemoteEngine:
        folder = self._folder or Path(tempfile.mkdtemp(prefix="guerdon_"))
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / f"vllm_{self._role}.log"
        name = f"vLLM for {self._role}"
        self.server = VllmServer(self._command, self.model, self._env, log, name)
        try:
            await self.server.loaded(self._start_s)
        except BaseException:
            await self.server.stop()
            raise
        os.environ[self._key_env] = self.server.key  # where a client looks for its key
        self._remote = RemoteEngine(
            self.model,
            base_url=self.server.url,
            api_key_env=self._key_env,
            revision=_fingerprint(self._command),
            price="free",
            supports_schema=True,
            **self._client,
        )
        return self._remote

    def _fitting(self, sampling: Sampling) -> Sampling:
        """vLLM refuses a ``max_tokens`` beyond its context; other engines go as far as it goes."""
        assert self.server is not None
        most = self.server.max_model_len or sampling.max_tokens
        return replace(sampling, max_tokens=min(sampling.max_tokens, most))

    async def _unless_gone(self, answer: Coroutine[Any, Any, Completion]) -> Completion:
        """The answer, or why the server is gone as soon as it is: no retry would bring one."""
        assert self.server is not None
        call = asyncio.ensure_future(answer)
        try:
            while not (await asyncio.wait({call}, timeout=_LOOK_EVERY_S))[0]:
                self.server.check()
            return call.result()
        except TransportError:
            self.server.check()
            raise
        finally:
            if not call.done():
                call.cancel()
                await asyncio.wait({call})  # it is charged before anybody goes on


def _fingerprint(command: list[str]) -> str:
    """What the cache knows the model by: flags, and sizes and times of the files in its folder."""
    files = [file.stat() for file in sorted(Path(command[2]).glob("*")) if file.is_file()]
    seen = [*command[2:], *(f"{file.st_size} {file.st_mtime_ns}" for file in files)]
    return hashlib.blake2b("\n".join(seen).encode(), digest_size=12).hexdigest()
