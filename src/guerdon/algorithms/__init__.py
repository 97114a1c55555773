"""Algorithms: a batch becomes advantages, then a loss. Pure maths; no model, no file, no device.

`advantages`, `losses`, `kl` and `aggregation` are functions of tensors with their equations;
`PolicyGradient` puts them together; `PPO`, `GRPO`, `RLOO`, `ReinforcePP`, `GiGPO` and `Imitation`
are what a YAML file names, and their fields are its keys. `docs/algorithms.md` has the maths beside
the knobs.

Beyond `guerdon.types.Algorithm` an algorithm may have state that moves from step to step (here the
KL coefficient). It then has three more methods, which callers look for with ``hasattr``:

    advance(step, metrics)    after every training step: ``step`` steps are done, the last one with
                              these metrics; every process that computes losses must call it
    state_dict()              dict[str, float], into the checkpoint
    load_state_dict(state)    back

``loss/*`` metrics are divided as their loss is, ``policy/*`` by the action tokens of the whole
optimizer step: both add up over micro-batches. Where rows without signal are skipped, the learner
rescales ``policy/*`` to means over the tokens that were computed.

A group with fewer than two valid members has no baseline and gets advantage 0 from every estimator
that compares members; the training step drops and counts such groups before.
"""

from guerdon.algorithms.gigpo import GiGPO
from guerdon.algorithms.grpo import GRPO
from guerdon.algorithms.imitation import Imitation
from guerdon.algorithms.policy_gradient import PolicyGradient
from guerdon.algorithms.ppo import PPO
from guerdon.algorithms.reinforce_pp import ReinforcePP
from guerdon.algorithms.rloo import RLOO

__all__ = ["GRPO", "PPO", "RLOO", "GiGPO", "Imitation", "PolicyGradient", "ReinforcePP"]
