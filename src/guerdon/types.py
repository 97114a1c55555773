"""The nouns and the four protocols: open this file, know the framework.

Data flows one way: tasks -> episodes -> batch -> advantages -> update -> weights. Everything here
is frozen data or a protocol; behaviour lives elsewhere. Standard library only, so that any tool
can read a run without torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from guerdon.batch import Batch
    from guerdon.templates import ChatTemplate

Metrics = dict[str, float]
Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length"]


class Message(TypedDict):
    """One message of a conversation."""

    role: Role
    content: str


# --- what is asked, what was done, what it was worth ---------------------------------------------


@dataclass(frozen=True, slots=True)
class Task:
    """A problem. Equal ids are the same problem, whatever run, step or process they appear in."""

    id: str
    prompt: tuple[Message, ...]
    answer: str | None = None
    """The reference answer, where there is one."""
    domain: str = "default"
    """Groups metrics and routes mixtures."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """JSON-like extras an environment or a reward may read."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One (observation, action, reward)."""

    observation: tuple[Message, ...]
    """Messages added since the previous turn (o_t)."""
    action: Message
    """What the policy said (a_t)."""
    span: tuple[int, int]
    """The action's tokens: ``trajectory.token_ids[start:end]``."""
    reward: float = 0.0
    """Immediate reward from the environment (r_t)."""
    finish_reason: FinishReason = "stop"
    version: int = 0
    """The policy version that sampled the action."""
    state: str | None = None
    """What the world was like when the turn began, where the environment says it: equal strings are
    the same state. None: what was observed is all there is to compare."""


@dataclass(frozen=True, slots=True)
class Reward:
    """What something earned, and why. A reward that cannot be computed is a ``RewardError``, never
    one of these."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)
    """Components before weighting."""
    note: str = ""
    """Why: the judge's words, the program's error."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One conversation as one row of tokens: what was sampled is what is trained."""

    role: str
    """Which part the policy played: "policy", "proposer", "solver"."""
    group: str
    """Equal groups share one baseline."""
    turns: tuple[Turn, ...]
    token_ids: tuple[int, ...]
    """[T]"""
    action_mask: tuple[bool, ...]
    """[T] True where the policy sampled the token."""
    logprobs: tuple[float, ...]
    """[T] log mu(a_t|s_t) at the sampling temperature, 0 off the mask."""
    reward: Reward
    """The outcome; turn rewards come on top."""
    status: Literal["completed", "truncated"] = "completed"
    temperature: float = 1.0
    weight: float = 1.0
    """In the loss: 1 / n for each of n rows that make up one episode together."""

    @property
    def total_reward(self) -> float:
        """Outcome plus the sum of the turns' rewards."""
        return self.reward.value + sum(turn.reward for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Episode:
    """All that one rollout of one task produced. A failed rollout is data: ``error`` says why."""

    task: Task
    trajectories: tuple[Trajectory, ...] = ()
    new_tasks: tuple[Task, ...] = ()
    """Tasks the policy invented; the pool may keep them."""
    metrics: Metrics = field(default_factory=dict)
    error: str | None = None


# --- sampling ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample one completion. ``temperature=0`` is greedy; ``top_p=1`` and ``top_k=0`` are
    off."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    """Strings that end the reply; they are part of it."""
    seed: int = 0
    top_logprobs: int = 0
    """So many of the likeliest tokens at each place of the reply; see ``Completion.places``."""

    def at(self, *key: object) -> Sampling:
        """The same sampling with a seed derived from this one and ``key`` (step, task id, member,
        turn ...)."""
        return replace(self, seed=derive_seed(self.seed, *key))


def derive_seed(*key: object) -> int:
    """A 63-bit seed that depends on every part of ``key`` and on nothing else: no global state to
    save."""
    text = "\x1f".join(str(part) for part in key).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token of a reply stands, and what could have stood there."""

    text: str
    """What the token adds to the reply."""
    likeliest: tuple[tuple[str, float], ...]
    """Tokens as text, each with its log-probability at temperature 1 before top_k and top_p. Texts
    may repeat: two tokens can read alike."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What an engine sampled. ``token_ids`` and ``logprobs`` are empty for engines that only speak
    text."""

    text: str
    token_ids: tuple[int, ...] = ()
    """Sampled tokens, the end token included if it was sampled."""
    logprobs: tuple[float, ...] = ()
    """log mu of each sampled token, at the sampling temperature, under the distribution actually
    sampled."""
    finish_reason: FinishReason = "stop"
    version: int = 0
    places: tuple[Place, ...] = ()
    """Of each token, if ``Sampling.top_logprobs`` asks for them and the engine can tell."""


@dataclass(frozen=True, slots=True)
class Model:
    """An engine and how to sample from it: what an environment talks to."""

    engine: Engine
    sampling: Sampling = Sampling()

    def at(self, *key: object) -> Model:
        """The same model with a derived sampling seed; see ``Sampling.at``."""
        return replace(self, sampling=self.sampling.at(*key))


Models = Mapping[str, Model]
"""By role; the key "policy" is the one that is trained."""


# --- the four seams ------------------------------------------------------------------------------


@runtime_checkable
class Engine(Protocol):
    """Samples from one model. Capabilities beyond ``generate`` are checked at start-up.

    ``load_weights(named_tensors, version)``: the engine can follow the policy. ``score(messages)
    -> float``: it is a reward model.
    """

    template: ChatTemplate | None
    """None: the engine renders messages itself (remote endpoints)."""

    async def generate(
        self, prompt: tuple[int, ...] | tuple[Message, ...], sampling: Sampling
    ) -> Completion:
        """Sample one completion.

        Raises:
            EngineError: the engine cannot answer. A prompt that leaves no room in the context is
            no error: the
                completion is empty with ``finish_reason="length"``.
        """
        ...


@runtime_checkable
class RewardFn(Protocol):
    """What did this response earn, and why.

    A reward may also have ``gold_response(task) -> str | None``: how a right answer is written, so
    that it can be tried on the data's own answers.
    """

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response.

        Raises:
            RewardError: the reward cannot be computed. Never guess.
        """
        ...


@runtime_checkable
class Env(Protocol):
    """Turns a task and some models into rewarded trajectories.

    An environment that grades texts with a `RewardFn` has it as ``reward``, with ``success_at``,
    and may say which text of a trajectory that was: ``response_of(trajectory) -> str``.
    """

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode. Randomness derives from ``models["policy"].sampling.seed`` and
        ``task``, nothing else.

        Raises:
            RolloutError: the episode failed; the caller turns it into ``Episode(error=...)``.
        """
        ...


@runtime_checkable
class Algorithm(Protocol):
    """Turns a batch into a loss."""

    @property
    def needs_critic(self) -> bool:
        """Whether `batch.values` and the loss's ``values`` are wanted."""
        ...

    @property
    def needs_reference(self) -> bool:
        """Whether `batch.ref_logprobs` is wanted."""
        ...

    @property
    def needs_every_row(self) -> bool:
        """False: a row whose advantages are all zero adds nothing to the gradient, so it need not
        be computed."""
        ...

    def estimate(self, batch: Batch) -> Batch:
        """Fill ``advantages`` and ``returns``, over the rows of a whole step."""
        ...

    def loss(
        self, logprobs: Tensor, entropy: Tensor, values: Tensor | None, batch: Batch
    ) -> tuple[Tensor, Metrics]:
        """The loss of a micro-batch, as a sum divided by counts of the whole optimizer step.

        Args:
            logprobs: Float[B, T], log pi(a_t|s_t) at the sampling temperature, 0 off the action
            mask, with gradient.
            entropy: Float[B, T], entropy of pi(.|s_t), 0 off the mask; with gradient only if
            ``entropy_coef`` is set.
            values: Float[B, T] or None.
            batch: the same rows; ``batch.num_actions`` and ``batch.num_rows`` count the whole
            optimizer step.

        Returns:
            The loss, and metrics divided by the same counts: summed over micro-batches they are
            the step's means.
        """
        ...
