"""`guerdon serve` as a user runs it."""

import asyncio
import os
import re
import signal

import httpx2
import pytest
import torch

import commands
from guerdon.cli.serve import load, policy_folder
from guerdon.config.schema import Lora, ModelSpec
from guerdon.engines.native import NativeEngine
from guerdon.errors import ConfigError
from guerdon.learner.checkpoint import save_models
from guerdon.learner.models import load_models
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.types import Sampling

SHAPE = TinyPolicy(hidden=16, num_layers=1, num_heads=2, num_kv_heads=1, mlp=16, context=128)


def test_it_serves_until_it_is_told_to_stop(tmp_path, monkeypatch):
    SHAPE.save(tmp_path / "model")
    monkeypatch.setenv("GUERDON_API_KEY", "sesame")
    process = commands.start("serve", "model", "--port", "0", cwd=tmp_path)
    try:
        line = next(line for line in process.stdout if line.startswith("serving"))
        assert "sesame" not in line
        url = re.search(r"http://127\.0\.0\.1:\d+/v1", line)[0]
        body = {"model": "model", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
        headers = {"Authorization": "Bearer sesame"}
        response = httpx2.post(f"{url}/chat/completions", json=body, headers=headers, timeout=60)
        assert response.json()["usage"]["completion_tokens"] <= 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.stdout.close()


def test_beyond_this_machine_it_wants_a_key(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "GUERDON_API_KEY"}
    assert "GUERDON_API_KEY" not in environment
    output = commands.run("serve", "model", "--host", "0.0.0.0", cwd=tmp_path, code=2)
    assert "export GUERDON_API_KEY" in output


def test_a_run_a_checkpoint_and_a_model_are_found(tmp_path):
    last = tmp_path / "run" / "checkpoints" / "step_000020"
    for step in ("step_000002", "step_000020"):
        (tmp_path / "run" / "checkpoints" / step / "policy").mkdir(parents=True)
    assert policy_folder(str(tmp_path / "run")) == str(last / "policy")
    assert policy_folder(str(last)) == str(last / "policy")
    assert policy_folder(str(last / "policy")) == str(last / "policy")
    assert policy_folder("owner/name") == "owner/name"


def test_no_model_is_the_users_mistake(tmp_path):
    with pytest.raises(ConfigError, match="no such directory"):
        load(str(tmp_path / "nothing"))


def test_the_adapter_of_a_checkpoint_is_merged(tmp_path):
    SHAPE.save(tmp_path / "model")
    spec = ModelSpec(path=str(tmp_path / "model"), device="cpu", lora=Lora(rank=2))
    trained = load_models(spec)
    for name, weight in trained.policy.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    checkpoint = tmp_path / "step_000001"
    checkpoint.mkdir()
    save_models(trained, checkpoint)
    served = load(str(checkpoint), device="cpu").engine
    template = ChatTemplate(trained.tokenizer)
    own = NativeEngine(trained.policy, template, max_cache_tokens=4096)
    sampling = Sampling(temperature=0.0, max_tokens=12)
    prompt = ({"role": "user", "content": "hi"},)
    texts = [asyncio.run(one.generate(prompt, sampling)).text for one in (served, own)]
    base = load(str(tmp_path / "model"), device="cpu").engine
    assert texts[0] == texts[1] != asyncio.run(base.generate(prompt, sampling)).text
