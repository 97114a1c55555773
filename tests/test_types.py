import os
import subprocess
import sys
from pathlib import Path

import pytest

import guerdon.types
from guerdon.types import (
    Completion,
    Engine,
    Model,
    Reward,
    Sampling,
    Trajectory,
    Turn,
    derive_seed,
)


def trajectory(*rewards, outcome=0.0):
    turns = tuple(
        Turn((), {"role": "assistant", "content": "a"}, (i, i + 1), reward=r)
        for i, r in enumerate(rewards)
    )
    n = len(turns)
    return Trajectory("policy", "g", turns, (1,) * n, (True,) * n, (0.0,) * n, Reward(outcome))


def test_total_reward_is_the_outcome_plus_every_turn():
    assert trajectory(0.5, -1.0, outcome=2.0).total_reward == 1.5
    assert trajectory(outcome=2.0).total_reward == 2.0


def test_a_seed_depends_on_every_part_of_its_key_and_their_order():
    keys = [(1,), (2,), (1, 2), (2, 1), ("1", 2, 3), ("12", 3), (1, "23"), ()]
    assert len({derive_seed(*key) for key in keys}) == len(keys)


def test_seeds_are_63_bits_and_the_same_in_every_process():
    # golden, by `b2sum -l 64`: a run that resumes on another machine must sample the same
    assert derive_seed(0, "train", 3) == 2081397945330159740
    assert all(0 <= derive_seed(i) < 2**63 for i in range(1000))


def test_a_derived_sampling_changes_its_seed_only():
    base = Sampling(temperature=0.5, max_tokens=7, seed=11)
    derived = base.at("task", 2)
    assert derived.seed == derive_seed(11, "task", 2)
    assert (derived.temperature, derived.max_tokens) == (0.5, 7)
    assert base.at("a").at("b") != base.at("b").at("a")


def test_a_model_derives_its_sampling_and_keeps_its_engine():
    class Mute:
        template = None

        async def generate(self, prompt, sampling):
            return Completion("")

    engine = Mute()
    assert isinstance(engine, Engine)
    model = Model(engine).at(3)
    assert model.engine is engine
    assert model.sampling == Sampling().at(3)


def test_nouns_are_frozen():
    with pytest.raises(AttributeError):
        Reward(1.0).value = 2.0


def test_importing_the_nouns_and_the_chat_imports_no_torch():
    code = "import guerdon.types, guerdon.errors, guerdon.chat, sys; print('torch' in sys.modules)"
    source = Path(guerdon.types.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(source)},
    )
    assert done.stdout.strip() == "False"
