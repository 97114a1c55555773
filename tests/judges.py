"""Scripted judges: they see what a judge sees, and say what they are told to."""

import json

from guerdon.engines.scripted import ScriptedEngine
from guerdon.llm.asks import Ask
from guerdon.rewards.sealed import unseal
from guerdon.types import Model, Sampling, Task

TASK = Task("capital", ({"role": "user", "content": "Capital of France?"},), answer="Paris")


def code_of(message: str) -> str:
    """The code in a message's first line."""
    return message.split("\n", 1)[0].removesuffix(".").rsplit(" ", 1)[1]


def verdict(message: str, value: object, reason: str = "Because.") -> str:
    """A reply that ends in a tag of the message's code."""
    return f"{reason}\n<verdict-{code_of(message)}>{value}</verdict-{code_of(message)}>"


def speaking(judge):
    """A server's script from a function of the sections shown: by schema if it was asked for."""

    def script(ask: Ask) -> str:
        value = judge(unseal(ask.text))
        if ask.body.get("response_format"):
            return json.dumps({"reason": "Because.", "verdict": value})
        return verdict(ask.text, value)

    return script


def model(*replies, **sampling) -> Model:
    """A judge without a server that says one reply after the other; ``{}`` stands for a verdict
    tag's code."""
    left = list(replies)

    def reply(prompt):
        found = left.pop(0)
        if isinstance(found, Exception | None):
            return found
        return type(found)(found.replace("{}", code_of(prompt[-1]["content"])))

    return Model(ScriptedEngine(reply), Sampling(**{"temperature": 0.0, **sampling}))


def tagged(value) -> str:
    """A reply for `model`."""
    return f"Because.\n<verdict-{{}}>{value}</verdict-{{}}>"
