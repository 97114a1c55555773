"""Conversations mixed into every update: the policy's loss + coef * the loss of imitating them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guerdon.algorithms.imitation import Imitation
from guerdon.batch import Batch
from guerdon.config.schema import Config
from guerdon.config.schema import Ptx as Settings
from guerdon.learner.learner import Learner
from guerdon.learner.mixed import Mixed
from guerdon.templates import ChatTemplate
from guerdon.train.conversations import Conversation, load, shuffled, to_trajectory
from guerdon.types import derive_seed


@dataclass(frozen=True)
class Ptx:
    """Chooses the conversations of each update. It has no state: where it stands is the number of
    updates the learner has done, which the learner's checkpoint holds."""

    settings: Settings
    talks: Sequence[Conversation]
    template: ChatTemplate
    seed: int

    @classmethod
    def of(cls, config: Config, template: ChatTemplate) -> Ptx | None:
        """As ``config.ptx`` says; None without it.

        Raises:
            ConfigError: its source gives nothing to imitate.
        """
        if config.ptx is None:
            return None
        talks = load(config.ptx.source, "ptx.source")
        return cls(config.ptx, talks, template, derive_seed(config.run.seed, "ptx"))

    def rows(self, learner: Learner) -> Mixed:
        """The rows for the learner's next update: ``batch_size`` for each optimizer step."""
        settings = learner.settings
        count = self.settings.batch_size * settings.epochs * settings.minibatches
        chosen = self._draw(learner.step * count, count)
        rows = [to_trajectory(self.template, self.talks[i]) for i in chosen]
        imitation = Imitation()
        batch = imitation.estimate(Batch.from_trajectories(rows))
        return Mixed(batch, imitation, self.settings.coef)

    def _draw(self, start: int, count: int) -> list[int]:
        """Draws ``start`` to ``start + count`` of passes over all conversations, each pass in an
        order of its own."""
        size = len(self.talks)
        passes = range(start // size, (start + count - 1) // size + 1)
        order = [i for k in passes for i in shuffled(size, size, derive_seed(self.seed, k))]
        skipped = start % size
        return order[skipped : skipped + count]
