"""A model in a vLLM of the run's own; vLLM is played by a double."""

import asyncio
import json
import os
from pathlib import Path

import pytest

import vllm_double
from backends.test_remote_models import values
from guerdon.backends.local import load_engine, open_llm
from guerdon.config.build import parse
from guerdon.config.check import check
from guerdon.config.schema import Config
from guerdon.engines.vllm import VllmEngine
from guerdon.errors import ConfigError, EngineError, TransportError
from guerdon.llm.ledger import Ledger
from guerdon.types import Engine, Sampling

ASKED = ({"role": "user", "content": "Hello"},)


def engine(tmp_path, fate="echo", **options):
    program = vllm_double.install(tmp_path)
    options = {"executable": program, "env": {"VLLM_DOUBLE": fate}, "role": "judge"} | options
    return VllmEngine("tiny", folder=tmp_path, **options)


def gather(made, *calls):
    """The answers to calls of one engine, all at once; then it is closed."""

    async def work():
        try:
            return await asyncio.gather(*(call() for call in calls))
        finally:
            await made.close()

    return asyncio.run(work())


def test_it_starts_at_the_first_call_serves_all_and_ends_at_close(tmp_path):
    ledger = Ledger()
    made = engine(tmp_path, ledger=ledger)
    assert isinstance(made, Engine) and made.server is None
    replies = gather(
        made,
        lambda: made.generate(ASKED, Sampling(max_tokens=8)),
        lambda: made.complete("Once", Sampling(max_tokens=1_000_000)),
    )
    # a million tokens fit no context; other engines would go as far as it goes
    assert [reply.text for reply in replies] == ["Hello 8", f"Once {vllm_double.CONTEXT}"]
    assert made.server is None and ledger.rows()[0]["calls"] == 2
    assert not any(name.startswith("GUERDON_VLLM_KEY") for name in os.environ)


def test_what_the_yaml_says_becomes_flags_and_environment(tmp_path):
    made = engine(
        tmp_path,
        dtype="bfloat16",
        template_options={"enable_thinking": False},
        max_model_len=64,
        gpu_memory_utilization=0.3,
        tensor_parallel_size=2,
        devices="1,2",
        extra_args={"enforce_eager": True, "max-num-seqs": 16},
    )
    gather(made, lambda: made.generate(ASKED, Sampling(max_tokens=8)))
    given = json.loads((tmp_path / "vllm_judge.log").read_text().splitlines()[-1])
    assert {name: value for name, value in given.items() if name != "port"} == {
        "model_tag": "tiny",
        "dtype": "bfloat16",
        "max_model_len": 64,
        "gpu_memory_utilization": 0.3,
        "tensor_parallel_size": 2,
        "generation_config": "vllm",
        "default_chat_template_kwargs": {"enable_thinking": False},
        "served_model_name": ["tiny"],
        "host": "127.0.0.1",
        "disable_uvicorn_access_log": True,
        "enforce_eager": True,
        "max_num_seqs": 16,
    }


def test_a_failed_start_is_the_answer_to_every_call(tmp_path):
    made = engine(tmp_path, "crash")

    async def work():
        calls = (made.generate(ASKED, Sampling()) for _ in range(2))
        return [*await asyncio.gather(*calls, return_exceptions=True), await third()]

    async def third():
        first = made.server
        with pytest.raises(EngineError) as error:
            await made.generate(ASKED, Sampling())
        assert made.server is first  # it was not loaded again
        return error.value

    for error in asyncio.run(work()):
        assert isinstance(error, EngineError) and "CUDA out of memory" in str(error)


def test_a_server_that_dies_under_calls_is_named_with_its_last_lines(tmp_path):
    made = engine(tmp_path, "fragile", max_attempts=10**6, total_s=1e6)  # which would wait for it
    for _ in range(2):
        with pytest.raises(TransportError, match=r"exit code 1(.|\n)*EngineDeadError"):
            asyncio.run(made.generate(ASKED, Sampling(max_tokens=8)))
    asyncio.run(made.close())


def test_an_exception_elsewhere_leaves_no_server(tmp_path):
    made = engine(tmp_path, "silent")

    async def work():
        call = asyncio.create_task(made.generate(ASKED, Sampling()))
        while made.server is None:
            await asyncio.sleep(0.01)
        assert not call.done()
        raise KeyError("elsewhere")

    with pytest.raises(KeyError):
        asyncio.run(work())
    assert made.server.child.exit_code is not None


def test_mistakes_are_found_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as error:
        VllmEngine("tiny", extra_args={"api-key": "x", "max_model_len": 1})
    flags, model_len, missing = error.value.problems
    assert flags.startswith("extra_args.api_key: cannot be set here")
    assert model_len.startswith("extra_args.max_model_len: ")
    assert "no program 'vllm'" in missing and "pip install 'guerdon[vllm]'" in missing


def configured(tmp_path, monkeypatch, role="judge", **spec):
    """A configuration whose judge, or other model, is in vLLM."""
    vllm_double.install(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    given = values(tmp_path)
    engine = {"_target_": "guerdon.engines.vllm.VllmEngine", "env": {"VLLM_DOUBLE": "echo"}}
    given["models"].pop("judge")
    given["models"][role] = {"path": str(tmp_path / "model"), "engine": engine} | spec
    return given


def test_in_a_run_the_model_is_that_of_models_and_the_log_is_in_its_folder(tmp_path, monkeypatch):
    given = configured(tmp_path, monkeypatch, dtype="float32")
    assert check(given).problems == []
    config = parse(given, Config)
    shared = open_llm(config, tmp_path / "run")
    judge = load_engine("judge", config.models["judge"], **shared)
    asked = lambda: judge.generate(ASKED, Sampling(max_tokens=8))  # noqa: E731
    gather(judge, asked)
    made = json.loads((tmp_path / "run" / "vllm_judge.log").read_text().splitlines()[-1])
    assert (made["model_tag"], made["dtype"]) == (str(tmp_path / "model"), "float32")
    assert shared["ledger"].drain()["llm/judge/calls"] == 1.0
    gather(judge, asked)
    assert shared["ledger"].drain()["llm/judge/cached"] == 1.0
    file = next(Path(tmp_path, "model").glob("*.safetensors"))
    os.utime(file, (0, 0))  # as other weights in the same place would have
    gather(judge, asked)
    assert shared["ledger"].drain()["llm/judge/calls"] == 1.0


def test_check_refuses_a_policy_in_vllm_and_what_would_not_reach_it(tmp_path, monkeypatch):
    (line,) = check(configured(tmp_path, monkeypatch, "policy")).problems
    assert line.startswith("models.policy.engine: the policy's weights change in this process")
    given = configured(tmp_path / "2", monkeypatch, path=None)
    assert check(given).problems == [
        "models.judge: needs path (a Hugging Face directory or hub name) or init"
    ]
    given = configured(tmp_path / "3", monkeypatch, device="cpu")
    assert check(given).problems == [
        "models.judge.device: its engine chooses the GPUs; leave auto, and set "
        "models.judge.engine.devices"
    ]
