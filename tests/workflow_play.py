"""A policy that writes given workflows, and what its environment needs, for tests."""

import zlib

from guerdon.envs.workflow.env import Workflow
from guerdon.rewards.match import Match
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.types import Completion, Model, Sampling, Task
from workflow_parts import Answers


class Writer:
    """An engine that writes the replies it was given, as tokens, and remembers its prompts."""

    def __init__(self, *replies, version=0):
        self.template = ChatTemplate(TinyPolicy(hidden=8, num_layers=1).tokenizer())
        self.replies, self.version, self.prompts = list(replies), version, []

    async def generate(self, prompt, sampling):
        self.prompts.append(self.template.decode(prompt))
        text = self.replies.pop(0)
        tokens = self.template.encode_reply(text)
        return Completion(text, tuple(tokens), (-1.0,) * len(tokens), version=self.version)


def writing(*replies, reply="42", version=0, **sampling):
    """``models`` with a policy that writes ``replies`` and an executor that says ``reply``."""
    policy = Writer(*replies, version=version)
    executor = Answers(reply)
    models = {
        "policy": Model(policy, Sampling(max_tokens=4096, seed=1)),
        "executor": Model(executor, Sampling(**sampling)),
    }
    return models, policy, executor


def task(text="What is 6 * 7?", domain="math", answer="42", **info):
    """A task of one message."""
    prompt = ({"role": "user", "content": text},)
    return Task(f"t/{zlib.crc32(text.encode())}", prompt, answer, domain, info)


def env(**fields):
    """An environment for the compact form that compares the output with the answer."""
    fields = {"rewards": {"math": Match(), "qa": Match()}, "surface": "dsl"} | fields
    return Workflow(**fields)
